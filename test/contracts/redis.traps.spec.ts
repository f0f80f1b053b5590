import { inspect } from 'node:util';
import { Redis, type RedisOptions } from 'ioredis';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { type RedisServer, startRedis } from '../support/redis.js';
import { describeWithRedis } from '../support/needs.js';
import { connected, linkTo } from './redis.setup.js';

// What ioredis does by its defaults, measured on a real server, and what is done here instead.

const TIMEOUT_MS = 100;
const KEYS = Array.from({ length: 100 }, (_, i) => `key ${i}`);

describeWithRedis('A trap of ioredis', () => {
  let server: RedisServer;
  let proxy: FaultProxy;
  const clients: { disconnect(): void }[] = [];
  const proxied = () => `redis://127.0.0.1:${proxy.port}`;

  /** ioredis as it comes, but for what is said here. */
  const naive = (url: string, options: RedisOptions = {}): Redis => {
    const redis = new Redis(url, options);
    redis.on('error', () => {}); // it goes on trying, whatever happens
    clients.push(redis);
    return redis;
  };
  const ours = async (url: string) => {
    const { line, link, close } = await connected(url, TIMEOUT_MS);
    clients.push({ disconnect: close });
    return { line, link };
  };
  const failures = async (work: Promise<unknown>[]) =>
    (await Promise.allSettled(work)).filter(({ status }) => status === 'rejected').length;

  beforeEach(async () => {
    server = await startRedis();
    proxy = await FaultProxy.start(server.port);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.disconnect();
    await proxy.stop();
    await server.stop();
  });

  describe('a server that refuses', () => {
    beforeEach(() => server.kill());

    it('by default: a call is still waiting after half a second, and would for a minute', async () => {
      const call = naive(server.url).get('a');
      expect(await outcomeWithin(500, call)).toBe('pending');
      call.catch(() => {}); // ended with its client
    });

    it('here: a call fails at once, at the start as well', async () => {
      const link = linkTo(server.url);
      clients.push({ disconnect: () => link.close() });
      expect(() => link.client).toThrow(/not opened/);
      link.open();
      await expect(link.ready()).rejects.toThrow(/ECONNREFUSED/);
      expect(() => link.client).toThrow(/ECONNREFUSED/);
    });
  });

  describe('writes while the server is away', () => {
    it('by default: those that failed are carried out later, all of them', async () => {
      const redis = naive(server.url, { commandTimeout: TIMEOUT_MS });
      await eventually(() => redis.ping());
      await server.kill();
      expect(await failures(KEYS.map((key) => redis.set(key, 'ghost')))).toBe(KEYS.length);
      await server.start();
      await eventually(async () => (await server.command('DBSIZE')) === `:${KEYS.length}`);
    });

    it('here: what failed never happens', async () => {
      const { line } = await ours(server.url);
      await server.kill();
      expect(await failures(KEYS.map((key) => line.run((redis) => redis.set(key, 'ghost'))))).toBe(
        KEYS.length,
      );
      await server.start();
      // Whatever had been kept back would have been sent before this one.
      await eventuallyHolds(() => line.run((redis) => redis.set('after', 'it')));
      expect(await server.command('DBSIZE')).toBe(':1');
    });
  });

  describe('a reply that is lost', () => {
    // The first is for comparison; the reply to the second never arrives.
    const loseSecond = () => proxy.behave({ kind: 'lose_reply', to: /incr/i, every: 2 });

    it('by default: the command is sent again, and done twice', async () => {
      const redis = naive(proxied());
      await redis.ping();
      await loseSecond();
      await redis.incr('counter');
      await redis.incr('counter');
      expect(await server.command('GET', 'counter')).toBe('3');
    });

    it('here: the caller is told that it is not known, and it is done once', async () => {
      const { line } = await ours(proxied());
      await loseSecond();
      await line.run((redis) => redis.incr('counter'));
      await expect(line.run((redis) => redis.incr('counter'))).rejects.toThrow();
      await eventuallyHolds(() => line.run((redis) => redis.ping()));
      expect(await server.command('GET', 'counter')).toBe('2');
    });
  });

  describe('a server that accepts and says nothing', () => {
    beforeEach(() => proxy.behave({ kind: 'black_hole' }));

    it('by default: its connection is waited for, for ever', async () => {
      const redis = naive(proxied(), { connectTimeout: TIMEOUT_MS });
      await eventually(() => redis.status === 'connect');
      expect(await outcomeWithin(500, redis.ping())).toBe('pending');
      expect(proxy.counts.connections).toBe(1);
    });

    it('here: it is given up and tried again until it is well', async () => {
      const link = linkTo(proxied());
      clients.push({ disconnect: () => link.close() });
      link.open();
      await expect(link.ready()).rejects.toThrow(/No answer within/);
      await eventually(() => proxy.counts.connections >= 2);
      await proxy.heal();
      await eventually(() => link.ready());
    });
  });

  describe('a connection that a router has forgotten', () => {
    it('by default: every call is sent into it and times out, for ever', async () => {
      const redis = naive(proxied(), { commandTimeout: TIMEOUT_MS });
      await eventually(() => redis.ping());
      await proxy.behave({ kind: 'half_open' });
      for (let i = 0; i < 5; i += 1) await expect(redis.ping()).rejects.toThrow('timed out');
      expect(proxy.counts.connections).toBe(1);
    });

    it('here: one call finds out, and the next goes out on another', async () => {
      const { line, link } = await ours(proxied());
      await proxy.behave({ kind: 'half_open' });
      await expect(line.run((redis) => redis.ping())).rejects.toThrow('did not reply');
      await eventuallyHolds(() => line.run((redis) => redis.ping()), { timeoutMs: 5_000 });
      expect(link.connects).toBe(2);
    });
  });

  describe('a reply that was there before this process looked', () => {
    const busyFor = (ms: number) => {
      const endMs = performance.now() + ms;
      while (performance.now() < endMs);
    };

    it('by default: it counts as late', async () => {
      const redis = naive(server.url, { commandTimeout: TIMEOUT_MS });
      await eventually(() => redis.ping());
      const call = redis.ping();
      busyFor(2 * TIMEOUT_MS);
      await expect(call).rejects.toThrow('timed out');
    });

    it('here: it counts', async () => {
      const { line } = await ours(server.url);
      const call = line.run((redis) => redis.ping());
      busyFor(2 * TIMEOUT_MS);
      await expect(call).resolves.toBe('PONG');
    });
  });

  describe('a connection that was cut while a call was under way', () => {
    it('with its socketTimeout: the time of the old connection ends the new one', async () => {
      const redis = naive(proxied(), { socketTimeout: 300, maxRetriesPerRequest: 0 });
      await redis.ping();
      await proxy.behave({ kind: 'hang' });
      const cut = redis.ping();
      proxy.cut();
      await expect(cut).rejects.toThrow();
      await proxy.heal();
      await eventually(() => redis.status === 'ready');
      const connections = proxy.counts.connections;
      // Nobody asks anything of it, and it is well.
      await eventually(() => proxy.counts.connections > connections, { timeoutMs: 5_000 });
    });

    it('here: the new one has its own time', async () => {
      const { line, link } = await ours(proxied());
      await proxy.behave({ kind: 'hang' });
      const cut = line.run((redis) => redis.ping());
      proxy.cut();
      await expect(cut).rejects.toThrow();
      await proxy.heal();
      await eventuallyHolds(() => line.run((redis) => redis.ping()));
      const { connects } = link;
      for (let i = 0; i < 30; i += 1) {
        await line.run((redis) => redis.ping());
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      expect(link.connects).toBe(connects);
    });
  });

  it('keeps the words of the command out of its errors: a password may be among them', async () => {
    await server.command('CONFIG', 'SET', 'requirepass', 'right');
    const link = linkTo(server.url.replace('//', '//:canary-secret@'));
    clients.push({ disconnect: () => link.close() });
    link.open();
    const error = await link.ready().catch((e: unknown) => e);
    expect(String((error as Error).cause)).toMatch(/WRONGPASS/);
    expect(inspect(error, { depth: 10 })).not.toContain('canary-secret');

    const bare = await naive(server.url, { password: 'canary-secret', retryStrategy: () => null })
      .ping()
      .catch((e: unknown) => e);
    expect(inspect(bare, { depth: 10 })).toContain('canary-secret');
  });
});

async function outcomeWithin(ms: number, work: Promise<unknown>): Promise<'pending' | 'settled'> {
  let timer: NodeJS.Timeout;
  const late = new Promise<'pending'>((resolve) => (timer = setTimeout(() => resolve('pending'), ms)));
  const settled = work.then(
    () => 'settled' as const,
    () => 'settled' as const,
  );
  return Promise.race([settled, late]).finally(() => clearTimeout(timer));
}
