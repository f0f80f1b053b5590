import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { redisAddress } from '../../src/config/redis.address.js';
import { Deadline } from '../../src/kernel/deadline.js';
import { GuardedBroker } from '../../src/platform/cache/guarded.broker.js';
import type { Message } from '../../src/platform/cache/broker.js';
import { RedisBroker } from '../../src/platform/cache/redis.broker.js';
import { newSubscriber } from '../../src/platform/cache/redis.client.js';
import { redisFault } from '../../src/platform/cache/redis.faults.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { newDependency } from '../support/guard.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { describeWithRedis } from '../support/needs.js';
import { brokerContract } from './broker.suite.js';
import { connected } from './redis.setup.js';

Logger.overrideLogger(false);

const never = { adapter: 'redis', traits: { durable: false, shared: true }, check: () => Promise.resolve() };

describeWithRedis('The broker in Redis', () => {
  let server: RedisServer;
  const ends: (() => void)[] = [];
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  afterEach(() => {
    for (const end of ends.splice(0)) end();
  });

  const replica = async (url = server.url, timeoutMs?: number) => {
    const { line, close } = await connected(url, timeoutMs);
    const broker = new RedisBroker(line, (attempt) => newSubscriber(redisAddress(url)!, attempt));
    broker.open();
    ends.push(close, () => broker.close());
    await eventually(() => broker.listening);
    return broker;
  };

  brokerContract('redis', async () => ({ broker: await replica() }));
  brokerContract('redis, guarded', async () => ({
    broker: new GuardedBroker(await replica(), newDependency(never, redisFault)),
  }));

  it('tells one replica what another says', async () => {
    const [first, second] = [await replica(), await replica()];
    const heard: Message[] = [];
    second.subscribe('news', (message) => void heard.push(message));
    await first.publish('news', { n: 1 });
    await eventuallyHolds(() => expect(heard).toEqual([{ n: 1 }]));
  });

  it('listens again by itself after an outage, and loses what was said meanwhile', async () => {
    const broker = await replica();
    const guarded = new GuardedBroker(broker, newDependency(never, redisFault));
    const heard: Message[] = [];
    guarded.subscribe('news', (message) => void heard.push(message));
    await server.kill();
    await eventually(() => !broker.listening);
    await expect(guarded.publish('news', { n: 1 })).resolves.toBeUndefined();
    await server.start();
    await eventually(() => broker.listening);
    await eventually(async () => (await guarded.publish('news', { n: 2 }), heard.length > 0));
    expect(heard).not.toContainEqual({ n: 1 });
  });

  it('finds out by itself that nobody is at the other end any more', async () => {
    const proxy = await FaultProxy.start(server.port);
    const [listener, speaker] = [await replica(`redis://127.0.0.1:${proxy.port}`), await replica()];
    const heard: Message[] = [];
    listener.subscribe('news', (message) => void heard.push(message));
    await proxy.behave({ kind: 'half_open' });
    await eventually(() => !listener.listening);
    await eventually(() => listener.listening);
    await speaker.publish('news', { n: 1 });
    await eventuallyHolds(() => expect(heard).toEqual([{ n: 1 }]));
    ends.push(() => void proxy.stop());
  });

  it('says once that it does not hear, and once that it does again, however often it tried', async () => {
    const said: string[] = [];
    const keep = (_facts: unknown, text: string) => void said.push(text);
    jest.spyOn(Logger.prototype, 'warn').mockImplementation(keep);
    jest.spyOn(Logger.prototype, 'log').mockImplementation(keep);
    const broker = await replica();
    said.length = 0;
    await server.kill();
    await eventually(() => !broker.listening);
    // Some attempts, each of which is refused.
    await new Promise((resolve) => setTimeout(resolve, 500));
    await server.start();
    await eventually(() => broker.listening);
    expect(said).toEqual([
      'Messages of other replicas are not heard',
      'Messages of other replicas are heard',
    ]);
    jest.restoreAllMocks();
  });

  it('takes no harm from what others say on its channel', async () => {
    const broker = await replica();
    const heard: Message[] = [];
    broker.subscribe('news', (message) => void heard.push(message));
    for (const foreign of [
      'no json',
      'null',
      '[]',
      '{"topic":"news"}',
      '{"topic":"news","message":{"a":{}}}',
    ]) {
      await server.command('PUBLISH', 'mainstay:events', foreign);
    }
    await broker.publish('news', { n: 1 });
    await eventuallyHolds(() => expect(heard).toEqual([{ n: 1 }]));
  });

  it('says what has happened even when the request that did it is over', async () => {
    const broker = new GuardedBroker(await replica(), newDependency(never, redisFault));
    const heard: Message[] = [];
    broker.subscribe('news', (message) => void heard.push(message));
    const over = new Deadline(60_000);
    over.abandon();
    await over.run(() => broker.publish('news', { n: 1 }));
    await eventuallyHolds(() => expect(heard).toEqual([{ n: 1 }]));
  });

  it('hides no mistake of ours', async () => {
    const mistake = new TypeError('not a function');
    const broken = await replica();
    jest.spyOn(broken, 'publish').mockRejectedValue(mistake);
    const broker = new GuardedBroker(broken, newDependency(never, redisFault));
    await expect(broker.publish('news', {})).rejects.toBe(mistake);
  });
});
