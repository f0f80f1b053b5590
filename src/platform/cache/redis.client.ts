import { Cluster, Redis, type ClusterOptions, type RedisOptions } from 'ioredis';
import type { RedisAddress } from '../../config/redis.address.js';
import { attempt } from '../../resilience/policy.js';

export type RedisClient = Redis | Cluster;

/** How long a server has to take a connection. */
const CONNECT_TIMEOUT_MS = 1_000;
// A server that hangs never closes its end: what is left of a connection to it is cut after this.
const DISCONNECT_TIMEOUT_MS = 100;
// One of several: the others have to be asked as well.
const NODE_TIMEOUT_MS = 500;
const KEEP_ALIVE_MS = 10_000;
const SLOTS_REFRESH_EVERY_MS = 5_000;
const REDIRECTIONS_MAX = 3;

/**
 * Of the library, no loop but its parser's: a client connects once, sends what it is given once, and is thrown away when
 * its connection ends. By its defaults it keeps commands for a server that is away and sends them when nobody waits for
 * them any more, sends a command again whose reply was lost, and lets a call wait for more than a minute.
 */
const HARDENED = {
  lazyConnect: true,
  retryStrategy: () => null,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  connectTimeout: CONNECT_TIMEOUT_MS,
  disconnectTimeout: DISCONNECT_TIMEOUT_MS,
  keepAlive: KEEP_ALIVE_MS,
  // Whoever connects asks by a PING whether it can be used: then the reason is known when it cannot.
  enableReadyCheck: false,
  disableClientInfo: true,
} satisfies RedisOptions;

/** A client for commands, not yet connected. @param attempt which one in a row: another Sentinel is asked first each time */
export function newClient(address: RedisAddress, attempt: number): RedisClient {
  if (address.kind === 'cluster') return newCluster(address);
  if (address.kind === 'sentinel') return newBySentinel(address, attempt);
  return new Redis({ ...HARDENED, ...address.nodes[0], ...accessTo(address) });
}

/** A client to listen with. Every node of a Cluster hears what is published on any, so it listens to one of them. */
export function newSubscriber(address: RedisAddress, attempt: number): Redis {
  if (address.kind === 'sentinel') return newBySentinel(address, attempt);
  return new Redis({ ...HARDENED, ...from(address.nodes, attempt)[0], ...accessTo(address) });
}

/** Resolves when the server replies; of a Cluster, when some of it does. Those nodes that do not are then known by it. */
export async function replies(client: RedisClient): Promise<void> {
  if (!(client instanceof Cluster)) {
    await client.ping();
    return;
  }
  const nodes = client.nodes('master').map((node) => attempt(() => node.ping(), NODE_TIMEOUT_MS, undefined));
  const told = await Promise.allSettled(nodes);
  const failed = told.filter((one) => one.status === 'rejected');
  if (failed.length === told.length) throw failed[0]?.reason ?? new Error('The Cluster has no nodes');
}

function newBySentinel(address: RedisAddress, attempt: number): Redis {
  return new Redis({
    ...HARDENED,
    ...accessTo(address),
    sentinels: from(address.nodes, attempt),
    name: address.masterName!,
    // Compares the role: a Sentinel that was cut off goes on to name a master that is one no longer.
    enableReadyCheck: true,
    sentinelRetryStrategy: () => null,
    sentinelCommandTimeout: CONNECT_TIMEOUT_MS,
    ...(address.tls && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
  });
}

function newCluster(address: RedisAddress): Cluster {
  return new Cluster([...address.nodes], {
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: () => null,
    // Each of these sends a command again after the connection was lost, when it may have been carried out.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    maxRedirections: REDIRECTIONS_MAX,
    // Asked of any node, and of another when that one hangs.
    slotsRefreshTimeout: NODE_TIMEOUT_MS,
    enableReadyCheck: false,
    slotsRefreshInterval: SLOTS_REFRESH_EVERY_MS,
    // Left as names: a certificate is for a name, not for an address.
    dnsLookup: (host, done) => done(null, host),
    // A node that takes a connection and says no more is then seen for what it is, and refuses at once.
    redisOptions: { ...HARDENED, ...accessTo(address), enableReadyCheck: true },
  } satisfies ClusterOptions);
}

function accessTo({ username, password, db, tls }: RedisAddress): RedisOptions {
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    db,
    ...(tls && { tls: {} }),
  };
}

/** The same nodes, beginning with another. */
function from<T>(nodes: readonly T[], attempt: number): T[] {
  const first = attempt % nodes.length;
  return [...nodes.slice(first), ...nodes.slice(0, first)];
}
