import { isIP } from 'node:net';
import type { PrivateHost } from '../../config/web-pages.settings.js';
import { reachOf } from './address.reach.js';
import { PageFault } from './web-pages.js';

const PORT_OF = { 'http:': 80, 'https:': 443 } as const;

/** Which addresses pages are fetched from. Pure: the same rules before anything is asked, and at every step of the way. */
export class AddressRules {
  constructor(
    private readonly ports: readonly number[],
    private readonly privateHosts: readonly PrivateHost[],
  ) {}

  /**
   * Reads an address as a URL, in which every spelling of a number is the same IPv4 address, and refuses what can be refused
   * without asking anybody.
   * @param base what it is relative to
   * @throws PageFault address_refused
   */
  parse(address: string, base?: URL): URL {
    if (!URL.canParse(address, base?.href)) throw refused('The address is no URL: check its spelling');
    const url = new URL(address, base);
    const { protocol, username, password } = url;
    if (protocol !== 'http:' && protocol !== 'https:')
      throw refused('The address must begin with http:// or https://');
    if (username !== '' || password !== '')
      throw refused('The address must hold no user name and no password: leave them out');
    if (!this.ports.includes(portOf(url)) && !this.isNamed(url))
      throw refused(
        `The address may have the ports ${this.ports.join(' and ')} only: leave its port out, or have the operator add it to WEB_PAGES_PORTS`,
      );
    if (isLocalName(url) && !this.isNamed(url)) throw notPublic();
    const literal = literalOf(url);
    if (literal !== undefined) this.assertAllowed(url, [literal]);
    return url;
  }

  /**
   * A host is what the worst of its addresses is: one that answers with a public and a private one is after the private.
   * @param addresses all that the name stands for now
   * @throws PageFault address_refused, the same whatever is wrong with them, and where there is none
   */
  assertAllowed(url: URL, addresses: readonly string[]): void {
    const named = this.isNamed(url);
    const allowed = (address: string) => {
      const reach = reachOf(address);
      return reach === 'public' || (reach === 'private' && named);
    };
    if (addresses.length === 0 || !addresses.every(allowed)) throw notPublic();
  }

  /** Whether the operator named the host, with this port, as one of his own network. */
  isNamed(url: URL): boolean {
    const port = portOf(url);
    return this.privateHosts.some(
      (host) =>
        host.hostname === url.hostname &&
        (host.port === undefined ? this.ports.includes(port) : host.port === port),
    );
  }
}

/** The address that stands in the URL itself; undefined where it has a name. */
export function literalOf({ hostname }: URL): string | undefined {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(bare) === 0 ? undefined : bare;
}

function portOf(url: URL): number {
  return url.port === '' ? PORT_OF[url.protocol as keyof typeof PORT_OF] : Number(url.port);
}

/** Names that mean this machine by themselves (RFC 6761). */
function isLocalName({ hostname }: URL): boolean {
  return /(^|\.)localhost\.?$/.test(hostname);
}

function refused(message: string): PageFault {
  return new PageFault('address_refused', message);
}

function notPublic(): PageFault {
  return refused(
    'The host of the address is none of the public internet, and others are not fetched from: check its spelling, or have the operator name it in WEB_PAGES_PRIVATE_HOSTS',
  );
}
