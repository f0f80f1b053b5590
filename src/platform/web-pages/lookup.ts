import { lookup as systemLookup, Resolver } from 'node:dns/promises';
import { untilAborted } from '../../kernel/abort.js';
import { PageFault } from './web-pages.js';

/**
 * The addresses of a name, all of them; none where there is no such name.
 * @param named the host is of the operator's own network, where names may stand in /etc/hosts or need a search domain
 * @throws PageFault page_unavailable when nobody can say now
 */
export type Lookup = (hostname: string, named: boolean, signal: AbortSignal) => Promise<string[]>;

const TIMEOUT_MS = 2_000;
const TRIES = 2;
const NO_SUCH_NAME: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME']);

/**
 * Looks names up.
 * @param servers the name servers, `address:port`; by default those of the system
 */
export function newLookup(servers?: readonly string[]): Lookup {
  return (hostname, named, signal) =>
    named ? ofSystem(hostname, signal) : ofNameServers(hostname, servers, signal);
}

/**
 * Asks the name servers itself. The system's own way takes a thread of this process for as long as it waits, and there are
 * four: a stranger's slow name server would hold up whatever else needs one.
 */
async function ofNameServers(
  hostname: string,
  servers: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<string[]> {
  signal.throwIfAborted();
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  if (servers !== undefined) resolver.setServers(servers);
  const cancel = () => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    signal.throwIfAborted();
    const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    const failure = answers.find((answer) => answer.status === 'rejected' && !isNoSuchName(answer.reason));
    if (addresses.length === 0 && failure?.status === 'rejected') throw unresolved(failure.reason);
    return addresses;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

async function ofSystem(hostname: string, signal: AbortSignal): Promise<string[]> {
  try {
    const found = await untilAborted(systemLookup(hostname, { all: true }), signal);
    return found.map(({ address }) => address);
  } catch (error) {
    signal.throwIfAborted();
    if (isNoSuchName(error)) return [];
    throw unresolved(error);
  }
}

function isNoSuchName(error: unknown): boolean {
  return NO_SUCH_NAME.has((error as { code?: unknown }).code);
}

function unresolved(cause: unknown): PageFault {
  return new PageFault('page_unavailable', 'The host of the address could not be looked up', { cause });
}
