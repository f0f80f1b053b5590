import type { LookupFunction } from 'node:net';
import { isIP } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { canonical } from './address.reach.js';

export interface PageLimits {
  connectMs: number;
  /** Until the headers are there, and between two pieces of the body. */
  silenceMs: number;
}

const HEADER_BYTES_MAX = 16_384;

/**
 * Connections to these addresses and no others: the name is never looked up again, since the next answer might be another.
 * What the socket says that it reached is compared once more, so that nothing rests on how a library reads a host.
 */
export function pinnedAgent(addresses: readonly string[], { connectMs, silenceMs }: PageLimits): Agent {
  const pinned = new Set(addresses.map(canonical));
  const connect = buildConnector({ timeout: connectMs, lookup: only(addresses) });
  return new Agent({
    connections: 1,
    pipelining: 1,
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: silenceMs,
    bodyTimeout: silenceMs,
    connect: (options, done) =>
      connect(options, (...[error, socket]) => {
        if (error !== null) return done(error, null);
        const { remoteAddress } = socket;
        if (remoteAddress !== undefined && pinned.has(canonical(remoteAddress))) return done(null, socket);
        socket.destroy();
        done(new Error('The connection reached another address than the one that was checked'), null);
      }),
  });
}

/** Answers every question for a name with the addresses that were checked. */
function only(addresses: readonly string[]): LookupFunction {
  const answers = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_hostname, { all }, done) => {
    if (all === true) return done(null, answers);
    const [{ address, family }] = answers as [(typeof answers)[0]];
    done(null, address, family);
  };
}
