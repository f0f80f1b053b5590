import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { attempt } from '../../resilience/policy.js';
import type { Traits } from '../../resilience/dependency.js';
import { events } from '../../telemetry/events.js';
import { Broker, type Message } from './broker.js';
import { KEY_PREFIX } from './redis.cache.js';
import type { RedisLine } from './redis.line.js';
import { RedisLink } from './redis.link.js';
import { Subscribers } from './subscribers.js';

// One for all topics: there are few, and who is connected anew has one thing to ask for.
const CHANNEL = `${KEY_PREFIX}events`;
const HEARTBEAT_EVERY_MS = 2_000;
const HEARTBEAT_TIMEOUT_MS = 1_000;

const Envelope = z.object({
  topic: z.string(),
  message: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});

/**
 * Messages by Redis' PUBLISH, heard on a connection of their own that subscribes anew whenever it is made anew. Nobody
 * hears what was said while he was not connected.
 */
export class RedisBroker extends Broker {
  readonly adapter = 'redis';
  readonly traits: Traits = { durable: false, shared: true };
  private readonly logger = new Logger('Broker');
  private readonly subscribers = new Subscribers();
  private readonly link: RedisLink<Redis>;
  private heartbeat: NodeJS.Timeout | undefined;

  /**
   * @param line for what is said
   * @param newSubscriber for what is heard
   * @param worthTrying whether there is anybody to listen to
   */
  constructor(
    private readonly line: RedisLine,
    newSubscriber: (attempt: number) => Redis,
    worthTrying = () => true,
  ) {
    super();
    this.link = new RedisLink({
      make: newSubscriber,
      prepare: (redis) => this.listen(redis),
      onChange: (listening) => this.changed(listening),
      worthTrying,
    });
  }

  get listening(): boolean {
    return this.link.connected;
  }

  open(): void {
    this.link.open();
    this.heartbeat = setInterval(() => void this.beat(), HEARTBEAT_EVERY_MS);
    this.heartbeat.unref();
  }

  async publish(topic: string, message: Message): Promise<void> {
    await this.line.run((redis) => redis.publish(CHANNEL, JSON.stringify({ topic, message })));
  }

  subscribe(topic: string, hear: (message: Message) => void | Promise<void>): () => void {
    return this.subscribers.add(topic, hear);
  }

  close(): void {
    clearInterval(this.heartbeat);
    this.link.close();
  }

  private async listen(redis: Redis): Promise<void> {
    redis.on('message', (_channel, text) => this.heard(text));
    await redis.subscribe(CHANNEL);
  }

  private heard(text: string): void {
    const read = Envelope.safeParse(parsed(text));
    if (read.success) this.subscribers.tell(read.data.topic, read.data.message);
    else this.logger.warn({ event: events.brokerTrouble }, `Somebody else writes to ${CHANNEL}`);
  }

  /** Who only listens would never find out that there is nobody to listen to. */
  private async beat(): Promise<void> {
    if (!this.link.connected) return;
    const { client } = this.link;
    await attempt(() => client.ping(), HEARTBEAT_TIMEOUT_MS, undefined).catch((error: unknown) =>
      this.link.replace(client, error),
    );
  }

  private changed(listening: boolean): void {
    const facts = { event: events.brokerChanged, listening };
    if (listening) this.logger.log(facts, 'Messages of other replicas are heard');
    else this.logger.warn(facts, 'Messages of other replicas are not heard');
  }
}

/** undefined when it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
