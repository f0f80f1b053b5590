import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Who can be reached at an address: anybody on the internet; somebody of the operator's own network or machine; or nobody
 * that a page could ever be fetched from.
 */
export type Reach = 'public' | 'private' | 'never';

const PRIVATE: ReadonlySet<string> = new Set(['loopback', 'private', 'carrierGradeNat', 'uniqueLocal']);
// A public address by its number, and the platform's own service for the virtual machine by what answers (Azure).
const PLATFORM = '168.63.129.16';

/**
 * By the registries of special-purpose addresses (RFC 6890), as ipaddr.js keeps them, and stricter: of IPv6 only what is
 * handed out at all (2000::/3). An address that carries another one is what it carries, where routers unpack it so on
 * their own (mapped, NAT64); tunnels that anybody could end anywhere are refused (6to4, Teredo).
 * @param address in the one spelling that the system uses: a zone, or octal numbers, make it none
 */
export function reachOf(address: string): Reach {
  if (isIP(address) === 0 || address.includes('%')) return 'never';
  const parsed = parse(address);
  if (parsed instanceof ipaddr.IPv4) {
    const range = parsed.range();
    if (PRIVATE.has(range)) return 'private';
    return range === 'unicast' && address !== PLATFORM ? 'public' : 'never';
  }
  if (parsed.isIPv4MappedAddress()) return reachOf(parsed.toIPv4Address().toString());
  if (parsed.match(NAT64, 96)) return reachOf(parsed.toByteArray().slice(12).join('.'));
  const range = parsed.range();
  if (PRIVATE.has(range)) return 'private';
  return range === 'unicast' && parsed.match(HANDED_OUT, 3) ? 'public' : 'never';
}

const NAT64 = ipaddr.IPv6.parse('64:ff9b::');
const HANDED_OUT = ipaddr.IPv6.parse('2000::');

/** The same address in one spelling, so that two can be compared. */
export function canonical(address: string): string {
  const parsed = parse(address);
  const mapped = parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress();
  return (mapped ? parsed.toIPv4Address() : parsed).toNormalizedString();
}

/** ipaddr.js takes `::8.8.8.8` for `::ffff:8.8.8.8`, which is another address: so it sees no dots within IPv6. */
function parse(address: string): ipaddr.IPv4 | ipaddr.IPv6 {
  if (isIP(address) !== 6) return ipaddr.parse(address);
  return ipaddr.parse(new URL(`http://[${address}]`).hostname.slice(1, -1));
}
