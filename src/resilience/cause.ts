import type { Reason } from './reason.js';

/**
 * Why a dependency fails, as precisely as an operator needs it: a reason says what callers meet, a cause says what to mend.
 * docs/runbooks.md has a section on each.
 */
export const CAUSES = [
  'refused',
  'lost',
  'hung',
  'dns',
  'tls',
  'credentials',
  'unknown_database',
  'pool_exhausted',
  'max_connections',
  'locks',
  'read_only',
  'disk_full',
  'out_of_memory',
  'loading',
  'schema_behind',
  'wrong_dimension',
  'extension_missing',
  'unknown_model',
  'quota',
  'rate_limited',
  'slow',
  'overloaded',
  'bad_reply',
  'server_error',
  'isolated',
] as const;

export type Cause = (typeof CAUSES)[number];

const OF_REASON: Record<Reason, Cause> = {
  unreachable: 'lost',
  hung: 'hung',
  timeout: 'slow',
  slow: 'slow',
  rate_limited: 'rate_limited',
  quota: 'quota',
  unauthorized: 'credentials',
  overloaded: 'overloaded',
  circuit_open: 'lost',
  isolated: 'isolated',
  read_only: 'read_only',
  storage_full: 'disk_full',
  pool_exhausted: 'pool_exhausted',
  bad_reply: 'bad_reply',
  not_installed: 'extension_missing',
  schema: 'schema_behind',
  mismatch: 'wrong_dimension',
  failed: 'server_error',
};

// What a socket, a name or a certificate failed with, whatever library it failed under.
const OF_CODE: readonly [RegExp, Cause][] = [
  [/^(ECONNREFUSED|ENOENT|EHOSTUNREACH|ENETUNREACH)$/, 'refused'],
  [/^(ENOTFOUND|EAI_\w+|ENODATA|EDNS\w*|ETIMEOUT)$/, 'dns'],
  [/CERT|^ERR_TLS|^ERR_SSL|^UNABLE_TO|SELF_SIGNED|^EPROTO$/, 'tls'],
  [/^(ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT|UND_ERR_HEADERS_TIMEOUT)$/, 'hung'],
];
const DEPTH_MAX = 6;

/**
 * The cause behind an error: what its adapter says, else the code of the error that it goes back to, else what its reason
 * usually comes from.
 */
export function causeOf(error: unknown, reason: Reason, said: Cause | undefined): Cause {
  return said ?? ofCode(error, DEPTH_MAX) ?? OF_REASON[reason];
}

/** Libraries wrap: the code that tells is somewhere behind the error. */
function ofCode(error: unknown, depth: number): Cause | undefined {
  if (typeof error !== 'object' || error === null || depth === 0) return undefined;
  const { code, cause, driverError, errors } = error as Record<string, unknown>;
  const known = OF_CODE.find(([pattern]) => typeof code === 'string' && pattern.test(code))?.[1];
  if (known !== undefined) return known;
  const [first] = Array.isArray(errors) ? errors : [];
  return ofCode(cause, depth - 1) ?? ofCode(driverError, depth - 1) ?? ofCode(first, depth - 1);
}
