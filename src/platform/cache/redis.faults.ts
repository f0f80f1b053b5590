import type { Fault } from '../../resilience/dependency-error.js';
import { AttemptTimeout } from '../../resilience/policy.js';

/** There is no connection that could be used; the cause says why. */
export class NotConnected extends Error {
  constructor(cause: unknown) {
    super(`No connection to Redis: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'NotConnected';
  }
}

/** A command was sent, and no reply came in time. Whether it was carried out is not known. */
export class NoReply extends Error {
  constructor(readonly timeoutMs: number) {
    super(`Redis did not reply within ${timeoutMs} ms`);
    this.name = 'NoReply';
  }
}

/** The server says nothing, and enough callers wait already to find out whether it still will. */
export class Crowded extends Error {
  constructor(silentMs: number) {
    super(`Redis has not replied for ${Math.round(silentMs)} ms, and enough others wait for it`);
    this.name = 'Crowded';
  }
}

/** It works, and so slowly that every command would be given up. */
export class TooSlow extends Error {
  constructor(roundTripMs: number, timeoutMs: number) {
    super(
      `Redis replies in ${Math.round(roundTripMs)} ms, and REDIS_COMMAND_TIMEOUT_MS gives it ${timeoutMs}: ` +
        `set it to ${5 * Math.ceil(roundTripMs)} or more, or take a Redis that is nearer`,
    );
    this.name = 'TooSlow';
  }
}

/** By the first word of an error reply; https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors */
const BY_CODE: Record<string, Fault> = {
  READONLY: { reason: 'read_only', transient: true },
  NOREPLICAS: { reason: 'read_only', transient: true },
  LOADING: { reason: 'overloaded', transient: true, cause: 'loading' },
  BUSY: { reason: 'overloaded', transient: true },
  TRYAGAIN: { reason: 'overloaded', transient: true },
  MASTERDOWN: { reason: 'unreachable', transient: true },
  CLUSTERDOWN: { reason: 'unreachable', transient: true },
  OOM: { reason: 'storage_full', transient: false, cause: 'out_of_memory' },
  // It cannot write its file, and takes nothing before it can.
  MISCONF: { reason: 'storage_full', transient: false },
  NOAUTH: { reason: 'unauthorized', transient: false },
  WRONGPASS: { reason: 'unauthorized', transient: false },
  NOPERM: { reason: 'unauthorized', transient: false },
  DENIED: { reason: 'unauthorized', transient: false },
  // A node of a Cluster, addressed as if it were alone; or a Cluster whose nodes send us in a circle.
  MOVED: { reason: 'bad_reply', transient: false },
  ASK: { reason: 'bad_reply', transient: false },
};

const UNREACHABLE: Fault = { reason: 'unreachable', transient: true };
const HUNG: Fault = { reason: 'hung', transient: true };
const FAILED: Fault = { reason: 'failed', transient: false };
const UNTRUSTED = /^ERR_TLS|CERT|^UNABLE_TO|SELF_SIGNED/;
const MISTAKES = [TypeError, RangeError, ReferenceError, SyntaxError];
// The library has no class for them.
const AWAY =
  /^Connection is closed|isn't (writeable|ready)|aborted due to connection close|startup nodes|sentinels are unreachable/;

/** What an error of ioredis, or of what stands around it here, means; undefined for a mistake of ours. */
export function redisFault(error: unknown): Fault | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof NotConnected) return redisFault(error.cause) ?? UNREACHABLE;
  if (error instanceof NoReply || error instanceof AttemptTimeout) return HUNG;
  if (error instanceof Crowded) return { reason: 'overloaded', transient: true, counts: false };
  if (error instanceof TooSlow) return { reason: 'slow', transient: false };
  if (error.name === 'ReplyError') return repliedFault(error.message);
  if (error.name === 'ParserError') return { reason: 'bad_reply', transient: false };
  if (error.name === 'ClusterAllFailedError') {
    return redisFault((error as { lastNodeError?: unknown }).lastNodeError) ?? UNREACHABLE;
  }
  const redirected = /^Too many Cluster redirections\. Last error: (?:ReplyError: )?(.*)/s.exec(
    error.message,
  );
  if (redirected !== null) return repliedFault(redirected[1]!);
  if (AWAY.test(error.message)) return UNREACHABLE;
  if (MISTAKES.some((kind) => error instanceof kind)) return undefined;
  // Whatever else it may be: a cache that fails must fail nobody.
  return socketFault((error as NodeJS.ErrnoException).code) ?? FAILED;
}

function repliedFault(message: string): Fault {
  if (message.startsWith('ERR max number of clients'))
    return { reason: 'overloaded', transient: true, cause: 'max_connections' };
  return BY_CODE[message.split(' ', 1)[0]!] ?? FAILED;
}

function socketFault(code: string | undefined): Fault | undefined {
  if (code === undefined) return undefined;
  if (code === 'ETIMEDOUT') return HUNG;
  if (UNTRUSTED.test(code)) return { reason: 'unauthorized', transient: false };
  // The other side speaks no TLS.
  if (code === 'EPROTO') return { reason: 'bad_reply', transient: false };
  return UNREACHABLE;
}

/** The server is a replica: whoever was the master is so no more. */
export function isReadOnly(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('READONLY');
}

/** Takes out of an error what the library puts in: the words of the command, a password among them. */
export function withoutArguments(error: unknown): unknown {
  if (error instanceof Error && 'command' in error) delete error.command;
  return error;
}
