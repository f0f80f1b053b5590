import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { bootChild } from '../support/boot.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer } from '../support/postgres.js';
import { type QdrantDouble, startQdrant } from '../support/qdrant.js';

const CANARY = 'canary-in-a-secret-canary-in-a-secret';
const TIMEOUT_MS = 3_000;
// Starting a process, and ending it, on a machine that is busy with other things.
const SLACK_MS = 20_000;

// What a start says of servers that are not as they should be: one code and one sentence for each cause.
describeWithPostgres('A start on servers that are not as they should be', () => {
  let server: PostgresServer;
  let qdrant: QdrantDouble;
  const held: { end(): unknown }[] = [];

  beforeAll(async () => {
    [server, qdrant] = await Promise.all([PostgresServer.start(), startQdrant()]);
    await server.query(`create role locked login password 'right' nosuperuser`);
    await server.query('create role plain login nosuperuser nocreaterole');
    const rules = join(server.dataFolder, 'pg_hba.conf');
    const old = await readFile(rules, 'utf8');
    await writeFile(rules, `host all locked 127.0.0.1/32 scram-sha-256\n${old}`);
    await server.query('select pg_reload_conf()');
  }, 60_000);
  afterEach(async () => {
    await Promise.all(held.splice(0).map((one) => one.end()));
  });
  afterAll(() => Promise.all([server?.stop(), qdrant?.stop()]));

  const as = (url: string, user: string, password?: string) => {
    const changed = new URL(url);
    changed.username = user;
    if (password !== undefined) changed.password = password;
    return changed.href;
  };
  const client = async (url: string) => {
    const holder = new pg.Client({ connectionString: url });
    holder.on('error', () => {}); // it is ended with its server, or by it
    await holder.connect();
    held.push(holder);
    return holder;
  };
  const silentPort = async () => {
    const sockets: Socket[] = [];
    const silent: Server = createServer((socket) => void sockets.push(socket));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    held.push({ end: () => (sockets.forEach((socket) => socket.destroy()), silent.close()) });
    return (silent.address() as { port: number }).port;
  };

  type Environment = () => Promise<Record<string, string>>;
  it.each<[what: string, environment: Environment, code: number, words: RegExp]>([
    [
      'nobody listens',
      async () => ({ DATABASE_URL: `postgres://u:${CANARY}@127.0.0.1:1/x` }),
      11,
      /database did not open: .*ECONNREFUSED.*Is it running/,
    ],
    [
      'it accepts connections and says nothing',
      async () => ({ DATABASE_URL: `postgres://u:${CANARY}@127.0.0.1:${await silentPort()}/x` }),
      11,
      /database did not open.*\(hung\).*does not answer/,
    ],
    [
      'the password is wrong',
      async () => ({ DATABASE_URL: as(await server.newDatabase(), 'locked', CANARY) }),
      12,
      /password authentication failed.*Are user, password/,
    ],
    [
      'the owner’s password is wrong',
      async () => {
        const url = await server.newDatabase();
        return { DATABASE_URL: url, DATABASE_OWNER_URL: as(url, 'locked', CANARY) };
      },
      12,
      /password authentication failed/,
    ],
    [
      'there is no such database',
      async () => ({ DATABASE_URL: server.url.replace(/\/[^/]*$/, '/nowhere') }),
      12,
      /"nowhere" does not exist/,
    ],
    [
      'it has no TLS and is to have it',
      async () => ({ DATABASE_URL: `${await server.newDatabase()}?sslmode=require` }),
      12,
      /does not support SSL/,
    ],
    [
      'it may not be written to',
      async () => {
        const url = await server.newDatabase();
        const name = new URL(url).pathname.slice(1);
        await server.query(`alter database ${name} set default_transaction_read_only = on`);
        return { DATABASE_URL: url };
      },
      11,
      /cannot be written to.*name the primary/,
    ],
    [
      'all of its connections are taken',
      async () => {
        const url = as(await server.newDatabase(), 'plain');
        const name = new URL(url).pathname.slice(1);
        await server.query(`alter database ${name} connection limit 1`);
        await client(url);
        return { DATABASE_URL: url };
      },
      11,
      /too many connections.*\(pool_exhausted\).*see who holds them/,
    ],
    [
      'its encoding has not every character',
      async () => {
        await server.query(
          `create database ascii encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'`,
        );
        return { DATABASE_URL: server.url.replace(/\/[^/]*$/, '/ascii') };
      },
      13,
      /keeps text as SQL_ASCII.*create database/,
    ],
    [
      'its role may make no tables',
      async () => ({ DATABASE_URL: as(await server.newDatabase(), 'plain') }),
      13,
      /schema could not be brought up to date.*permission denied/,
    ],
    [
      'the role of the service is a superuser',
      async () => {
        const url = await server.newDatabase();
        return { DATABASE_URL: url, DATABASE_OWNER_URL: url };
      },
      13,
      /is a superuser, so the database could not keep tenants apart/,
    ],
    [
      'its tables are somebody else’s',
      async () => {
        const url = await server.newDatabase();
        await server.query('create table documents (something text)', url);
        return { DATABASE_URL: url };
      },
      13,
      /schema could not be brought up to date.*"documents" already exists/,
    ],
    [
      'another process migrates and does not come to an end',
      async () => {
        const url = await server.newDatabase();
        await (await client(url)).query('select pg_advisory_lock(62467829)');
        return { DATABASE_URL: url, MIGRATION_TIMEOUT_MS: '1000' };
      },
      11,
      /migrations did not open: Another process migrates/,
    ],
    [
      'it has fewer connections than all replicas would open',
      async () => ({ DATABASE_URL: await server.newDatabase(), REPLICAS: '9' }),
      15,
      /9 replicas \(REPLICAS\) × 34/,
    ],
    [
      'the index holds vectors of another dimension',
      async () => {
        const env = { DATABASE_URL: await server.newDatabase(), DB_POOL_SIZE: '2', QDRANT_URL: qdrant.url };
        const before = bootChild(env);
        await before.ready();
        before.kill('SIGTERM');
        await before.exited;
        const provider = { LLM_PROVIDERS: 'only', ONLY_BASE_URL: 'http://127.0.0.1:1/v1', ONLY_MODEL: 'm' };
        return { ...env, ...provider, ONLY_EMBEDDING_MODEL: 'another', ONLY_EMBEDDING_DIMENSION: '64' };
      },
      14,
      /documents holds vectors of .*rebuild/s,
    ],
    [
      'the address to listen on is not this machine’s',
      async () => ({ DATABASE_URL: await server.newDatabase(), DB_POOL_SIZE: '2', HOST: '203.0.113.1' }),
      16,
      /203\.0\.113\.1 cannot be used \(EADDRNOTAVAIL\)/,
    ],
  ])(
    'ends with a code and a sentence of its own when %s',
    async (_what, environment, code, words) => {
      const env = { STARTUP_TIMEOUT_MS: String(TIMEOUT_MS), ...(await environment()) };
      const startedMs = performance.now();
      const child = bootChild(env);
      held.push({ end: () => child.kill('SIGKILL') });
      const ended = await child.exited;
      const said = `${child.stderr()}\n${child.stdout()}`;
      expect(child.stderr()).toMatch(words);
      expect(ended.code).toBe(code);
      expect(performance.now() - startedMs).toBeLessThan(TIMEOUT_MS + SLACK_MS);
      expect(said).not.toContain(CANARY);
      expect(child.stderr().trim().split('\n')).toHaveLength(1);
    },
    60_000,
  );

  it('is done once by five replicas that start together on an old schema, and none is ready early', async () => {
    const url = await server.newDatabase();
    // A migration that takes its time, whatever it does.
    await server.query(
      `create function take_time() returns event_trigger language plpgsql as $$ begin perform pg_sleep(0.3); end $$;
       create event trigger slow on ddl_command_start when tag in ('CREATE TABLE') execute function take_time()`,
      url,
    );
    const env = { DATABASE_URL: url, DB_POOL_SIZE: '2', DB_POOL_MAX_OVERFLOW: '0', REPLICAS: '5' };
    const replicas = Array.from({ length: 5 }, () =>
      bootChild({ ...env, STARTUP_TIMEOUT_MS: '2000', INGEST_CONCURRENCY: '0' }),
    );
    try {
      await Promise.all(replicas.map((replica) => replica.ready()));
      const lines = replicas.map((replica) =>
        replica
          .stdout()
          .split('\n')
          .filter((line) => line.includes('"event":"boot.'))
          .map((line) => JSON.parse(line) as { step?: string; detail?: string; event: string; time: number }),
      );
      const outcomes = lines.map((of) => of.find(({ step }) => step === 'migrations')!);
      const [ran, ...others] = outcomes.toSorted((a, b) => a.time - b.time);
      expect(ran!.detail).toContain('migrations were run');
      for (const { detail } of others) expect(detail).toContain('schema is up to date');
      for (const of of lines)
        expect(of.find(({ event }) => event === 'boot.ready')!.time).toBeGreaterThanOrEqual(ran!.time);
    } finally {
      for (const replica of replicas) replica.kill('SIGTERM');
      await Promise.all(replicas.map((replica) => replica.exited));
    }
  }, 120_000);
});
