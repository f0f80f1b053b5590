import { privateHost } from '../../config/web-pages.settings.js';
import { AddressRules } from './address.rules.js';
import { PageFault } from './web-pages.js';

const rules = (named: string[] = [], ports = [80, 443]) =>
  new AddressRules(
    ports,
    named.map((host) => privateHost(host)!),
  );

/** What is said of an address that is refused. */
function refusal(of: AddressRules, address: string): string {
  try {
    of.parse(address);
  } catch (error) {
    if (error instanceof PageFault && error.code === 'address_refused') return error.message;
    throw error;
  }
  throw new Error(`${address} was not refused`);
}

describe('AddressRules', () => {
  it.each([
    'http://example.com',
    'https://example.com/a?b#c',
    'HTTPS://EXAMPLE.COM:443/',
    'https://example.com:80/',
    'https://bücher.example/',
    'http://1.1.1.1/',
    'https://[2606:4700:4700::1111]/',
    'http://127.0.0.1.nip.example/',
  ])('takes %s without asking anybody', (address) => {
    expect(rules().parse(address).href).toBe(new URL(address).href);
  });

  it.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://127.0.0.1./',
    'http://2130706433/',
    'http://017700000001/',
    'http://0177.0.0.1/',
    'http://0x7f.1/',
    'http://0x7f000001/',
    'http://0x7f.0x0.0x0.0x1/',
    'http://127.0.0.1%2e/',
    'http://%31%32%37.0.0.1/',
    'http://１２７。０。０。１/',
    'http://①②⑦.0.0.1/',
    'http://0/',
    'http://0.0.0.0/',
    'http://10.0.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/',
    'http://192.168.1.1/',
    'http://100.64.1.1/',
    'http://255.255.255.255/',
    'http://[::1]/',
    'http://[::]/',
    'http://[0:0:0:0:0:0:0:1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[fd00::1]/',
    'http://[fe80::1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://localhost/',
    'http://LOCALHOST/',
    'http://localhost./',
    'http://a.b.localhost/',
    'http:127.0.0.1/',
    'http:\\\\127.0.0.1\\',
    ' http://127.0.0.1/ ',
    'http://127.0.0.1\t/',
  ])('refuses %j, and does not say why', (address) => {
    expect(refusal(rules(), address)).toBe(refusal(rules(), 'http://192.0.2.1/'));
  });

  it.each([
    ['no address', 'no URL'],
    ['', 'no URL'],
    ['//example.com/', 'no URL'],
    ['http://', 'no URL'],
    ['http://[::1%25eth0]/', 'no URL'],
    ['http://1.2.3.4.5/', 'no URL'],
    ['ftp://example.com/', 'must begin with http'],
    ['file:///etc/passwd', 'must begin with http'],
    ['gopher://example.com/', 'must begin with http'],
    ['data:text/html,x', 'must begin with http'],
    ['javascript:alert(1)', 'must begin with http'],
    ['blob:http://example.com/x', 'must begin with http'],
    ['http://user@example.com/', 'no user name'],
    ['http://:secret@example.com/', 'no user name'],
    ['http://example.com@127.0.0.1/', 'no user name'],
    ['http://example.com:22/', 'ports 80 and 443 only'],
    ['http://example.com:6379/', 'ports 80 and 443 only'],
    ['https://example.com:8443/', 'ports 80 and 443 only'],
  ])('refuses %j: %s', (address, why) => {
    expect(refusal(rules(), address)).toContain(why);
  });

  it('never repeats what it refuses', () => {
    expect(refusal(rules(), 'http://user:canary@example.com/')).not.toContain('canary');
  });

  it('fetches from the ports that the operator adds', () => {
    expect(rules([], [80, 443, 8443]).parse('https://example.com:8443/').port).toBe('8443');
  });

  it('knows the hosts that the operator names as his own, each with its port', () => {
    const own = rules(['127.0.0.1:8080', 'WIKI.internal', '[fd00::5]', 'localhost:81']);
    for (const address of [
      'http://127.0.0.1:8080/',
      'http://0x7f000001:8080/',
      'https://wiki.internal/',
      'http://[fd00:0::5]/',
      'http://localhost:81/',
    ])
      expect(own.parse(address).href).toBe(new URL(address).href);
    for (const address of ['http://127.0.0.1/', 'http://[fd00::6]/', 'http://localhost/'])
      expect(refusal(own, address)).toContain('public internet');
    expect(refusal(own, 'http://127.0.0.1:8081/')).toContain('ports');
    expect(refusal(own, 'http://wiki.internal:8080/')).toContain('ports');
  });

  describe('judges a host by the worst of its addresses', () => {
    const url = new URL('http://wiki.internal/');
    const judge = (of: AddressRules, addresses: string[]) => () => of.assertAllowed(url, addresses);

    it.each([
      [[]],
      [['127.0.0.1']],
      [['93.184.215.14', '10.0.0.1']],
      [['93.184.215.14', '::1']],
      [['93.184.215.14', '169.254.169.254']],
    ])('%j', (addresses) => {
      expect(judge(rules(), addresses)).toThrow('public internet');
    });

    it('and lets a host that the operator named be private, and nothing worse', () => {
      const own = rules(['wiki.internal']);
      expect(judge(own, ['10.0.0.1', 'fd00::1', '93.184.215.14'])).not.toThrow();
      expect(judge(own, ['10.0.0.1', '169.254.169.254'])).toThrow('public internet');
      expect(judge(own, ['0.0.0.0'])).toThrow('public internet');
      expect(judge(own, [])).toThrow('public internet');
    });
  });
});
