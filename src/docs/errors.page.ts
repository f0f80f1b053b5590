import { PROBLEMS } from '../http/problem.js';
import { ExitCode } from '../kernel/exit-code.js';
import type { Reason } from '../resilience/dependency-error.js';
import { table } from './table.js';

const MEANING_OF_EXIT: Record<keyof typeof ExitCode, string> = {
  failed: 'Something without a code of its own. The message and the stack are on standard error.',
  settings: 'One or more settings are wrong. Each is named, with what it must be.',
  unreachable: 'A critical dependency did not answer within `STARTUP_TIMEOUT_MS`.',
  unauthorized: 'A critical dependency refused the credentials. Not tried again.',
  schema:
    'The database cannot take the schema: a migration failed, it keeps text in another encoding than UTF8, or has no role that tenants can be kept apart by.',
  dimension: 'A collection holds vectors of another model or dimension than the embedder makes.',
  capacity: 'All replicas together would open more connections than the database has.',
  port: 'The port is in use, or may not be used.',
  dataFolder: 'The data folder is in use by another process, which is named, or cannot be opened.',
};

const MEANING_OF_REASON: Record<Reason, string> = {
  unreachable: 'Nothing answers there, or the connection was lost.',
  hung: 'It accepts connections and does not answer.',
  timeout: 'One call took longer than it may.',
  slow: 'It answers, and takes so long that it counts as a fault.',
  rate_limited: 'It asks for fewer calls.',
  quota: 'What was paid for is used up. It does not mend itself.',
  unauthorized: 'It refuses the credentials, or does not know the database that the URL names.',
  overloaded: 'It is too busy, or two transactions stood in each other’s way.',
  circuit_open: 'It failed too often lately; callers are kept away until a background probe succeeds.',
  isolated: 'An operator keeps callers away from it.',
  read_only: 'It is a replica, or was made read-only. Name the primary.',
  storage_full: 'Its disk is full.',
  pool_exhausted: 'Every connection to it is in use.',
  bad_reply: 'It answered with something that cannot be understood.',
  not_installed: 'It lacks a part that is needed, such as the extension pgvector.',
  schema: 'Its tables are not those of this version.',
  mismatch: 'It holds vectors of another model or dimension than the embedder makes.',
  failed: 'It failed in a way that has no name of its own; the log has the error.',
};

/** docs/errors.md: everything that a client, an operator or a script can be told went wrong. */
export function errorsPage(): string {
  const problems = Object.entries(PROBLEMS).map(([code, { status, title, remedy }]) => [
    `\`${code}\``,
    String(status),
    title,
    remedy,
  ]);
  const reasons = Object.entries(MEANING_OF_REASON).map(([reason, meaning]) => [`\`${reason}\``, meaning]);
  const exits = Object.entries(ExitCode).map(([name, code]) => [
    String(code),
    MEANING_OF_EXIT[name as keyof typeof ExitCode],
  ]);
  return `<!-- Generated from src/http/problem.ts, src/kernel/exit-code.ts and src/docs/errors.page.ts: npm run generate -->

# Errors

## What a request can be answered with

Every error is a problem document (RFC 9457, \`application/problem+json\`) with \`type\`, \`title\`, \`status\`, \`code\`, \`detail\` and
\`request_id\`, and \`errors: [{ path, message }]\` where a field is at fault. Decide by \`code\`: it is stable. \`detail\` is for people.
The \`request_id\` is also in the header \`X-Request-Id\` and in the log.

${table(['code', 'status', 'title', 'what to do'], problems)}

\`rate_limited\` belongs to a feature that this version does not have yet; it is listed so that clients can be written against
the whole table.

## Why a dependency is not available

The detail of \`dependency_unavailable\` and \`overloaded\`, the member \`degraded_because\` of an answer, the readiness page and diagnostics give one
of these reasons.

${table(['reason', 'meaning'], reasons)}

## What the process ends with

0 after a stop that was asked for, 1 after an error that nobody caught, and after a stop that was cut short: by a second signal, or because something did
not close. A start that fails says why on standard error, and ends with:

${table(['exit code', 'meaning'], exits)}
`;
}
