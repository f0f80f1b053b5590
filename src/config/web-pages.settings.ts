import { z } from 'zod';
import { integer, setting } from './setting.js';

/** A host inside the operator's own network whose pages may be fetched. */
export interface PrivateHost {
  /** As a URL has it: lower case, an IPv6 address in brackets. */
  hostname: string;
  /** The one port; undefined: those of WEB_PAGES_PORTS. */
  port: number | undefined;
}

const listOf = (text: string) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

const isPort = (text: string) => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;

const PRIVATE_HOST = /^(\[[0-9a-f:.]+\]|[^\s:/?#@[\]\\]+)(?::(\d{1,5}))?$/i;

/** Reads a part of WEB_PAGES_PRIVATE_HOSTS. @returns undefined where it is none */
export function privateHost(text: string): PrivateHost | undefined {
  const [, host, port] = PRIVATE_HOST.exec(text) ?? [];
  if (host === undefined || !URL.canParse(`http://${host}`)) return undefined;
  if (port !== undefined && !isPort(port)) return undefined;
  return {
    hostname: new URL(`http://${host}`).hostname,
    port: port === undefined ? undefined : Number(port),
  };
}

/** Pages of the web that documents are made of (`source_url`). */
export const webPagesSettings = {
  WEB_PAGES_PORTS: setting(
    z
      .string()
      .transform(listOf)
      .refine(
        (ports) => ports.length > 0 && ports.every(isPort),
        'must be a comma list of ports from 1 to 65535: 80,443',
      ),
    '80,443',
    {
      group: 'Web pages',
      description: 'The ports that pages are fetched from, as a comma list.',
    },
  ),
  WEB_PAGES_PRIVATE_HOSTS: setting(
    z
      .string()
      .transform(listOf)
      .refine(
        (hosts) => hosts.every((host) => privateHost(host) !== undefined),
        'must be a comma list of hosts, with a port where it is another: wiki.internal,10.1.2.3:8080,[fd00::5]',
      ),
    '',
    {
      group: 'Web pages',
      description:
        'Hosts of your own network whose pages may be fetched too, each with the port where that is another: wiki.internal,10.1.2.3:8080. Whoever may write documents can read every page that these hosts show to this service. None by default: then only addresses of the public internet are fetched from.',
    },
  ),
  WEB_PAGE_TIMEOUT_MS: setting(integer(100, 600_000), '20000', {
    group: 'Web pages',
    unit: 'ms',
    description: 'How long fetching one page may take, its redirects and all of its bytes included.',
  }),
  WEB_PAGE_TRIES_MAX: setting(integer(1, 100_000), '30', {
    group: 'Web pages',
    unit: 'tries',
    description:
      'How often a page whose server fails or does not answer is tried, at intervals that grow to a minute, before its document has failed. 30 take about half an hour.',
  }),
  WEB_PAGES_RPM: setting(integer(1, 1_000_000), '120', {
    group: 'Web pages',
    unit: 'requests a minute',
    description: 'How many pages all replicas together fetch.',
  }),
  WEB_PAGES_HOST_RPM: setting(integer(1, 1_000_000), '30', {
    group: 'Web pages',
    unit: 'requests a minute',
    description: 'How many of these from any one host: nobody shall be flooded by us.',
  }),
  FETCH_CONCURRENCY: setting(integer(0, 64), '2', {
    group: 'Web pages',
    unit: 'jobs',
    description:
      'How many pages one process fetches at a time; 0, or INGEST_CONCURRENCY=0, leaves that to other processes.',
  }),
};
