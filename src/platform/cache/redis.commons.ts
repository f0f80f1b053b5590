import { Logger } from '@nestjs/common';
import type { RedisAddress } from '../../config/redis.address.js';
import type { Dependency } from '../../resilience/dependency.js';
import { events } from '../../telemetry/events.js';
import { Commons, type CommonsNeeds } from './commons.js';
import { GuardedBroker } from './guarded.broker.js';
import { GuardedCache } from './guarded.cache.js';
import { GuardedLimits } from './guarded.limits.js';
import { MemoryLimits } from './memory.limits.js';
import { RedisBroker } from './redis.broker.js';
import { RedisCache } from './redis.cache.js';
import { newClient, newSubscriber, replies, type RedisClient } from './redis.client.js';
import { NotConnected, redisFault, TooSlow } from './redis.faults.js';
import { RedisLimits } from './redis.limits.js';
import { RedisLine } from './redis.line.js';
import { RedisLink } from './redis.link.js';
import { measureRoundTrip, type RoundTrip } from './round-trip.js';

// The line ends every command by itself; this ends what goes wrong before one is sent.
const TIMEOUT_SLACK_MS = 100;
// Of the time that a command may take. With less room than that, an everyday delay is taken for an outage.
const SLOW_SHARE = 0.2;

/** Redis, shared by all replicas. One circuit for all that it is used for: they fail together. */
export class RedisCommons extends Commons {
  readonly dependency: Dependency;
  readonly cache: GuardedCache;
  readonly limits: GuardedLimits;
  readonly broker: GuardedBroker;
  private readonly logger = new Logger('Cache');
  private readonly link: RedisLink<RedisClient>;
  private readonly line: RedisLine;
  private readonly redisBroker: RedisBroker;
  private opened = false;
  private roundTrip: RoundTrip | undefined;

  constructor({ settings, dependencies }: CommonsNeeds, address: RedisAddress) {
    super();
    this.link = new RedisLink({
      make: (attempt) => newClient(address, attempt),
      prepare: replies,
      onChange: (connected, why) => void this.changed(connected, why),
    });
    this.line = new RedisLine(this.link, settings.REDIS_COMMAND_TIMEOUT_MS);
    const adapter = new RedisCache(this.line);
    this.dependency = dependencies.register({
      name: 'cache',
      criticality: 'optional',
      adapter: adapter.adapter,
      traits: adapter.traits,
      classify: redisFault,
      check: () => adapter.check(),
      part: 'cache',
      affects:
        'Nothing that callers see: limits are counted per process, and nothing is remembered between processes.',
      setting: 'REDIS_URL',
      facts: () => this.facts(),
      timeoutMs: settings.REDIS_COMMAND_TIMEOUT_MS + TIMEOUT_SLACK_MS,
    });
    this.cache = new GuardedCache(adapter, this.dependency);
    this.limits = new GuardedLimits(
      new RedisLimits(this.line),
      new MemoryLimits(settings.REPLICAS),
      this.dependency,
    );
    this.redisBroker = new RedisBroker(
      this.line,
      (attempt) => newSubscriber(address, attempt),
      () => this.link.connected,
    );
    this.broker = new GuardedBroker(this.redisBroker, this.dependency);
  }

  /** Connects, measures, writes and reads. @throws TooSlow when no call could ever be in time */
  async open(signal: AbortSignal): Promise<string> {
    if (!this.opened) {
      this.link.open();
      this.redisBroker.open();
      this.opened = true;
    }
    await this.link.ready();
    this.roundTrip = await measureRoundTrip(this.line);
    const slow = new TooSlow(this.roundTrip.p50, this.line.timeoutMs);
    if (this.roundTrip.p50 > this.line.timeoutMs) throw slow;
    if (this.roundTrip.p50 > SLOW_SHARE * this.line.timeoutMs) {
      this.logger.warn({ event: events.cacheSlow, round_trip_ms: this.roundTrip }, slow.message);
    }
    await this.cache.check(signal);
    return `a round trip takes ${this.roundTrip.p50} ms`;
  }

  async close(): Promise<void> {
    this.redisBroker.close();
    this.link.close();
  }

  /** What the connection shows, in both directions, is there sooner than the next check. */
  private async changed(connected: boolean, why: unknown): Promise<void> {
    if (!connected) {
      this.dependency.observe(new NotConnected(why));
      return;
    }
    await this.dependency.check(this.line.timeoutMs + TIMEOUT_SLACK_MS).then(
      () => this.dependency.observe(undefined),
      (error: unknown) => this.dependency.observe(error),
    );
  }

  private facts(): Record<string, unknown> {
    return {
      connects: this.link.connects,
      commands_waiting: this.line.waiting,
      round_trip_at_start_ms: this.roundTrip ?? null,
      limits: this.limits.shared ? 'shared by the replicas' : 'share of this replica',
      messages_heard: this.redisBroker.listening,
    };
  }
}
