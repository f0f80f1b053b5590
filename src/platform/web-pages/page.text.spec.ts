import { contentTypeOf, textOf } from './page.text.js';

describe('contentTypeOf', () => {
  it.each([
    ['text/html', 'text/html', undefined],
    ['TEXT/HTML; Charset="ISO-8859-1"', 'text/html', 'ISO-8859-1'],
    ['text/plain;charset=utf-8;format=flowed', 'text/plain', 'utf-8'],
    ['text/markdown; variant=GFM; charset = utf-16', 'text/markdown', 'utf-16'],
    ['text/plain; charset=', 'text/plain', undefined],
  ])('reads %s', (header, type, charset) => {
    expect(contentTypeOf(header)).toEqual({ type, charset });
  });

  it.each([undefined, '', 'application/pdf', 'text/htmlx', 'application/json', 'text/html, text/plain'])(
    'takes no %s',
    (header) => {
      expect(() => contentTypeOf(header)).toThrow('send what it says as content');
    },
  );
});

describe('textOf', () => {
  const text = (bytes: Buffer | string, header: string) =>
    textOf(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, contentTypeOf(header));

  it.each<[what: string, bytes: Buffer | string, header: string]>([
    ['UTF-8 where nobody says', Buffer.from('é'), 'text/plain'],
    ['what the server says', 'é', 'text/plain; charset=iso-8859-1'],
    ['what the page says', '<meta charset="windows-1252">é', 'text/html'],
    [
      'what the page says at length',
      `<META http-equiv=content-type content='text/html; charset=latin1'>é`,
      'text/html',
    ],
    ['the server rather than the page', '<meta charset=utf-8>é', 'text/html; charset=latin1'],
    ['the mark rather than the server', Buffer.from('\ufeffé', 'utf16le'), 'text/plain; charset=utf-8'],
    ['a page that cannot be the UTF-16 that it says', Buffer.from('<meta charset=utf-16le>é'), 'text/html'],
  ])('goes by %s', (_what, bytes, header) => {
    expect(text(bytes, header)).toMatch(/^(<meta[^>]*>)?é$/i);
  });

  it('puts U+FFFD for a byte that does not fit what somebody said', () => {
    expect(text('a\xffb', 'text/plain; charset=utf-8')).toBe('a\ufffdb');
  });

  it('refuses what it would have to guess', () => {
    expect(() => text('a\xffb', 'text/plain')).toThrow('is no UTF-8');
    expect(() => text('a', 'text/plain; charset=klingon')).toThrow('names a charset');
  });
});
