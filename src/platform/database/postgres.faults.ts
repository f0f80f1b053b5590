import { OutcomeUnknown } from './database.js';
import { SchemaBehind } from './migrations.js';
import type { Fault } from '../../resilience/dependency-error.js';

const fault = (reason: Fault['reason'], transient: boolean, cause?: Fault['cause']): Fault => ({
  reason,
  transient,
  ...(cause !== undefined && { cause }),
});
// There is much to do, or two do the same at once: no sign of sickness.
const busy = (reason: Fault['reason'], cause?: Fault['cause']): Fault => ({
  ...fault(reason, true, cause),
  counts: false,
});

const schema: Fault = { reason: 'schema', transient: false, counts: false };

// SQLSTATE codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
const BY_CODE: Record<string, Fault> = {
  '25006': fault('read_only', false),
  '28000': fault('unauthorized', false),
  '28P01': fault('unauthorized', false),
  '3D000': fault('unauthorized', false, 'unknown_database'),
  // No such table, column or function: the schema is not the one that this version was made for.
  '42703': schema,
  '42883': schema,
  '42P01': schema,
  '40001': busy('overloaded'),
  '40P01': busy('overloaded', 'locks'),
  '53000': fault('overloaded', true),
  // Reading goes on: it is for writes alone that there is no room.
  '53100': { reason: 'storage_full', transient: false, counts: false },
  '53200': fault('overloaded', true, 'out_of_memory'),
  '53300': fault('pool_exhausted', true, 'max_connections'),
  '55P03': busy('overloaded', 'locks'),
  '57014': fault('timeout', true),
  '57P01': fault('unreachable', true),
  '57P02': fault('unreachable', true),
  '57P03': fault('unreachable', true),
  '58030': fault('failed', false),
  // A session that the server ended for its own reasons: nothing of its transaction was kept.
  '25P03': fault('unreachable', true),
  '25P04': fault('unreachable', true),
  '57P05': fault('unreachable', true),
  XX001: fault('failed', false),
  XX002: fault('failed', false),
  ECONNREFUSED: fault('unreachable', true),
  ECONNRESET: fault('unreachable', true),
  EPIPE: fault('unreachable', true),
  ENOENT: fault('unreachable', true),
  ENOTFOUND: fault('unreachable', true),
  EAI_AGAIN: fault('unreachable', true),
  EHOSTUNREACH: fault('unreachable', true),
  ETIMEDOUT: fault('hung', true),
  // It cannot prove to be who it says it is, or we have not been told whose word to take for it.
  CERT_HAS_EXPIRED: fault('unauthorized', false),
  DEPTH_ZERO_SELF_SIGNED_CERT: fault('unauthorized', false),
  ERR_TLS_CERT_ALTNAME_INVALID: fault('unauthorized', false),
  SELF_SIGNED_CERT_IN_CHAIN: fault('unauthorized', false),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: fault('unauthorized', false),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: fault('unauthorized', false),
};

// Where pg and TypeORM tell one failure from another by the words alone.
const BY_MESSAGE: readonly [RegExp, Fault][] = [
  [/timeout exceeded when trying to connect/, busy('pool_exhausted')],
  [/Connection terminated due to connection timeout/, fault('hung', true)],
  [/Query read timeout/, fault('hung', true)],
  [
    /Connection terminated|Client has encountered a connection error|Client was closed/,
    fault('unreachable', true),
  ],
  [/The server does not support SSL connections/, fault('unauthorized', false, 'tls')],
  [/Driver not Connected|pool after calling end/, fault('unreachable', true)],
  [/has already been released|QueryRunnerProviderAlreadyReleased/, fault('unreachable', true)],
];

// Classes of SQLSTATE that are about the server, whatever the code: connections, its means, an operator's doing, its system,
// and what it calls an error of its own.
const OF_THE_SERVER = /^(08|53|57|58|XX)[0-9A-Z]{3}$/;
// What Node calls an error of a socket, of TLS or of a stream that was taken away: ENETUNREACH, EMFILE, ERR_SSL_…
const OF_THE_LINE = /^(E[A-Z]{3,}|ERR_(SSL|TLS|STREAM)_\w+)$/;

function byKind(code: string): Fault | undefined {
  if (code.startsWith('08') || code.startsWith('57P')) return fault('unreachable', true);
  if (OF_THE_SERVER.test(code)) return fault('failed', true);
  return OF_THE_LINE.test(code) ? fault('unreachable', true) : undefined;
}

/** What an error of pg or TypeORM says about the server; undefined when it is about the statement or none of theirs. */
export function classifyPostgres(error: unknown): Fault | undefined {
  // Not by instanceof: under Jest the errors of Node's own modules are of another realm.
  if (typeof error !== 'object' || error === null) return undefined;
  // Whatever it was that came instead of the reply: the line is gone.
  if (error instanceof SchemaBehind) return schema;
  if (error instanceof OutcomeUnknown) return classifyPostgres(error.cause) ?? fault('unreachable', true);
  const { code, message, driverError, errors } = error as Partial<AggregateError> & {
    code?: unknown;
    driverError?: unknown;
  };
  if (typeof code === 'string') {
    const known = BY_CODE[code] ?? byKind(code);
    if (known !== undefined) return known;
  }
  const byMessage = BY_MESSAGE.find(([words]) => words.test(message ?? ''))?.[1];
  // TypeORM wraps the driver's error, Node wraps the errors of several addresses.
  return byMessage ?? classifyPostgres(driverError ?? errors?.[0]);
}
