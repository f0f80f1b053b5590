/** Where Redis is, and how to get in. */
export interface RedisAddress {
  kind: 'single' | 'sentinel' | 'cluster';
  /** The server itself, the Sentinels, or some nodes of the Cluster. Never empty. */
  nodes: readonly { host: string; port: number }[];
  tls: boolean;
  username?: string;
  password?: string;
  db: number;
  /** What the Sentinels call the master. */
  masterName?: string;
}

const FORM = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^@/?#]+)(?:\/([^?#]*))?$/;
const NODE = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/i;
const PORT = 6_379;
const SENTINEL_PORT = 26_379;

/**
 * Reads `redis://[user:password@]host[:port][/db]`, `redis+sentinel://…host:port,host:port/master-name[/db]` and
 * `redis+cluster://…host:port,host:port`; each with TLS where it begins with `rediss`. No URL parser takes several hosts.
 * @returns undefined when it is none of them
 */
export function redisAddress(text: string): RedisAddress | undefined {
  const [, scheme, kind = 'single', login, hosts, path = ''] = FORM.exec(text) ?? [];
  if (scheme === undefined || hosts === undefined) return undefined;
  const nodes = hosts.split(',').map((host) => nodeOf(host, kind === 'sentinel' ? SENTINEL_PORT : PORT));
  const segments = path.split('/').filter((segment) => segment !== '');
  const masterName = kind === 'sentinel' ? segments.shift() : undefined;
  const [db = '0', ...rest] = segments;
  const wrong =
    nodes.includes(undefined) ||
    (kind === 'single' && nodes.length > 1) ||
    (kind === 'sentinel' && masterName === undefined) ||
    (kind === 'cluster' && db !== '0') ||
    rest.length > 0 ||
    !/^\d{1,5}$/.test(db);
  const credentials = credentialsOf(login);
  if (wrong || credentials === undefined) return undefined;
  return {
    kind: kind as RedisAddress['kind'],
    nodes: nodes as { host: string; port: number }[],
    tls: scheme === 'rediss',
    ...credentials,
    db: Number(db),
    ...(masterName !== undefined && { masterName }),
  };
}

function nodeOf(text: string, defaultPort: number): { host: string; port: number } | undefined {
  const [, host, port = String(defaultPort)] = NODE.exec(text) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) return undefined;
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

/** undefined when a `%` in them is none of an escape. */
function credentialsOf(login: string | undefined): { username?: string; password?: string } | undefined {
  if (login === undefined || login === '') return {};
  const colon = login.indexOf(':');
  try {
    const username = decodeURIComponent(colon === -1 ? login : login.slice(0, colon));
    const password = decodeURIComponent(colon === -1 ? '' : login.slice(colon + 1));
    return { ...(username !== '' && { username }), ...(password !== '' && { password }) };
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
