import { canonical, reachOf } from './address.reach.js';

describe('reachOf', () => {
  it.each([
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '93.184.215.14',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a00:1450:4001:82b::200e',
    // Public addresses in the clothes that a network without IPv4 gives them.
    '::ffff:1.1.1.1',
    '64:ff9b::101:101',
  ])('takes %s for public', (address) => {
    expect(reachOf(address)).toBe('public');
  });

  it.each([
    '10.0.0.0',
    '10.255.255.255',
    '100.64.0.0',
    '100.100.100.200',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.255',
    '172.16.0.0',
    '172.31.255.255',
    '192.168.0.0',
    '192.168.255.255',
    '::1',
    'fc00::',
    'fd00:ec2::254',
    'fdff:ffff::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:10.1.2.3',
    '64:ff9b::10.0.0.1',
    '64:ff9b::7f00:1',
  ])('takes %s for private', (address) => {
    expect(reachOf(address)).toBe('private');
  });

  it.each([
    ['this network', '0.0.0.0'],
    ['this network', '0.1.2.3'],
    ['link-local, where clouds keep their credentials', '169.254.169.254'],
    ['protocol assignments', '192.0.0.192'],
    ['documentation', '192.0.2.1'],
    ['documentation', '198.51.100.7'],
    ['documentation', '203.0.113.9'],
    ['6to4 relays', '192.88.99.1'],
    ['benchmarking', '198.18.0.1'],
    ['benchmarking', '198.19.255.255'],
    ['multicast', '224.0.0.1'],
    ['multicast', '239.255.255.255'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['Azure’s service for its machines', '168.63.129.16'],
    ['unspecified', '::'],
    ['IPv4-compatible', '::127.0.0.1'],
    ['IPv4-compatible', '::808:808'],
    ['IPv4-compatible', '::8.8.8.8'],
    ['link-local', 'fe80::1'],
    ['link-local with a zone', 'fe80::1%eth0'],
    ['site-local', 'fec0::1'],
    ['multicast', 'ff02::1'],
    ['documentation', '2001:db8::1'],
    ['documentation', '3fff::1'],
    ['6to4', '2002:7f00:1::'],
    ['6to4', '2002:808:808::1'],
    ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    ['benchmarking', '2001:2::1'],
    ['ORCHID', '2001:20::1'],
    ['discard only', '100::1'],
    ['translation (RFC 6145)', '::ffff:0:7f00:1'],
    ['local NAT64', '64:ff9b:1::7f00:1'],
    ['NAT64 of link-local', '64:ff9b::a9fe:a9fe'],
    ['mapped link-local', '::ffff:169.254.169.254'],
    ['mapped nobody', '::ffff:0.0.0.0'],
    ['segment routing', '5f00::1'],
    ['not handed out', '4000::1'],
    ['octal, which is no spelling of a system', '0177.0.0.1'],
    ['a number', '2130706433'],
    ['a name', 'localhost'],
    ['nothing', ''],
  ])('takes %s (%s) for nobody', (_what, address) => {
    expect(reachOf(address)).toBe('never');
  });
});

describe('canonical', () => {
  it('is the same for every spelling of an address', () => {
    expect(canonical('2606:4700:0:0::1111')).toBe(canonical('2606:4700::1111'));
    expect(canonical('::ffff:7f00:1')).toBe(canonical('127.0.0.1'));
    expect(canonical('::1')).not.toBe(canonical('::2'));
  });
});
