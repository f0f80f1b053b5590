import { readSettings } from './settings.js';
import { privateHost } from './web-pages.settings.js';

describe('The settings of web pages', () => {
  it('allow the public internet alone, by default', () => {
    expect(readSettings({})).toMatchObject({ WEB_PAGES_PORTS: ['80', '443'], WEB_PAGES_PRIVATE_HOSTS: [] });
  });

  it.each([
    ['wiki.internal', { hostname: 'wiki.internal', port: undefined }],
    ['WIKI:8080', { hostname: 'wiki', port: 8_080 }],
    ['0x7f.1', { hostname: '127.0.0.1', port: undefined }],
    ['[FD00:0::5]:81', { hostname: '[fd00::5]', port: 81 }],
  ])('read %s as a host', (text, host) => {
    expect(readSettings({ WEB_PAGES_PRIVATE_HOSTS: ` ${text} ,` }).WEB_PAGES_PRIVATE_HOSTS).toEqual([text]);
    expect(privateHost(text)).toEqual(host);
  });

  it.each([
    'http://wiki',
    'wiki/',
    'user@wiki',
    'wiki:0',
    'wiki:65536',
    'wiki:',
    '::1',
    '[::1',
    'a b',
    '1.2.3.4.5',
  ])('take no %s for one', (text) => {
    expect(() => readSettings({ WEB_PAGES_PRIVATE_HOSTS: text })).toThrow('WEB_PAGES_PRIVATE_HOSTS');
  });

  it.each(['0', '65536', '80;443', 'http', ','])('take no %s for ports', (text) => {
    expect(() => readSettings({ WEB_PAGES_PORTS: text })).toThrow('WEB_PAGES_PORTS');
  });
});
