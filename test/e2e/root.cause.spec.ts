import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import pg from 'pg';
import { Database } from '../../src/platform/database/database.js';
import { boot, bootChild, type Booted } from '../support/boot.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { temporaryFolder, type TemporaryFolder } from '../support/folder.js';
import { describeNeeding } from '../support/needs.js';
import { postgresMissing, PostgresServer } from '../support/postgres.js';
import { type Provider, type ProviderFault, startProvider } from '../support/provider.ts';
import { type QdrantDouble, startQdrant } from '../support/qdrant.js';
import { redisMissing, type RedisServer, startRedis } from '../support/redis.js';

const PATIENCE = { timeoutMs: 30_000, everyMs: 100 };
const DIMENSION = 64;
const FAKETIME = ['x86_64', 'aarch64']
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketimeMT.so.1`)
  .find((file) => existsSync(file));
const faketimeMissing = FAKETIME === undefined ? 'libfaketime is not installed' : undefined;

/** Something that is broken on purpose, and what diagnostics must then name. */
interface Fault {
  what: string;
  /** What the request of this kind meets the fault. Default: a search. */
  traffic?: 'search' | 'answer' | 'write';
  begin: () => unknown;
  end: () => unknown;
  dependency: string | RegExp;
  cause: string | RegExp;
}

// What is broken, is named: each fault really happens, and the first thing that diagnostics says is what to mend.
describeNeeding(postgresMissing ?? redisMissing ?? faketimeMissing, 'The root cause', () => {
  let database: PostgresServer;
  let line: FaultProxy;
  let redis: RedisServer;
  let qdrant: QdrantDouble;
  let providers: [Provider, Provider];
  let secure: Server;
  let folder: TemporaryFolder;
  let url: string;
  let name: string;
  let service: Booted;

  beforeAll(async () => {
    folder = await temporaryFolder();
    [database, redis, qdrant, ...providers] = await Promise.all([
      PostgresServer.start(),
      startRedis({ args: ['--enable-debug-command', 'yes'] }),
      startQdrant(),
      startProvider({ dimension: DIMENSION }),
      startProvider({ dimension: DIMENSION }),
    ]);
    line = await FaultProxy.start(database.port);
    secure = await selfSigned(folder.path);
    url = await database.newDatabase();
    name = new URL(url).pathname.slice(1);
    await database.query(
      `create role service login password 'right' createrole; grant all on database ${name} to service`,
    );
    await database.query('grant all on schema public to service', url);
    const rules = join(database.dataFolder, 'pg_hba.conf');
    writeFileSync(rules, `host all service 127.0.0.1/32 scram-sha-256\n${readFileSync(rules, 'utf8')}`);
    await database.query('select pg_reload_conf()');
    service = await boot({
      DATABASE_URL: `postgres://service:right@127.0.0.1:${line.port}/${name}`,
      DB_POOL_SIZE: '2',
      DB_POOL_MAX_OVERFLOW: '1',
      DB_ACQUIRE_TIMEOUT_MS: '400',
      REDIS_URL: redis.url,
      QDRANT_URL: qdrant.url,
      LLM_PROVIDERS: 'first,second',
      FIRST_BASE_URL: providers[0].url,
      FIRST_MODEL: 'large',
      FIRST_EMBEDDING_MODEL: 'embedding',
      FIRST_EMBEDDING_DIMENSION: String(DIMENSION),
      SECOND_BASE_URL: providers[1].url,
      SECOND_MODEL: 'small',
      LLM_FIRST_TOKEN_TIMEOUT_MS: '1000',
      LLM_IDLE_TIMEOUT_MS: '1000',
      EMBEDDING_CACHE_SIZE: '0',
      HEALTH_INTERVAL_MS: '1000',
      CIRCUIT_BACKOFF_MAX_MS: '1000',
    });
    await calls.write();
  }, 90_000);
  afterAll(async () => {
    await service?.close();
    await line?.stop();
    secure?.close();
    await Promise.all([database, redis, qdrant, ...(providers ?? [])].map((server) => server?.stop()));
    await folder?.remove();
  });

  const operate = (path: string) => service.api('POST', `/api/v1/operations/circuits/${path}`);
  const calls = {
    search: () => service.api('POST', '/api/v1/search', { query: `lamp ${Math.random()}` }),
    answer: () => service.api('POST', '/api/v1/answers', { question: 'What does the lamp burn?' }),
    write: () =>
      service.api('POST', '/api/v1/documents', {
        title: 'Lamp',
        content: `The lamp burns colza oil. ${'It is trimmed. '.repeat(400)}`,
        external_id: 'lamp',
      }),
  };
  const rootCause = async () => (await service.api('GET', '/api/v1/health/diagnostics')).body.root_cause;
  const isWell = () =>
    eventuallyHolds(async () => {
      // What a provider told to wait, and what happened a moment ago, is not the next one's.
      for (const dependency of ['llm.first', 'llm.second', 'embeddings.first'])
        await operate(`${dependency}/reset`);
      const { body } = await service.api('GET', '/api/v1/health/diagnostics');
      expect({ status: body.status, root_cause: body.root_cause }).toEqual({
        status: 'ready',
        root_cause: null,
      });
    }, PATIENCE);

  let holders: pg.Client[] = [];
  const holding = async (sql: string) => {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {}); // it may end with its server
    await client.connect();
    await client.query(sql);
    holders.push(client);
  };
  const letGo = async () => {
    const ending = holders;
    holders = [];
    await Promise.all(ending.map((client) => client.end()));
  };
  const ofFirst = (what: string, fault: ProviderFault, cause: string | RegExp): Fault => ({
    what,
    traffic: 'answer',
    begin: () => providers[0].behave(fault),
    end: () => providers[0].behave(undefined),
    // Whichever of the two met it first.
    dependency: /^(llm|embeddings)\.first$/,
    cause,
  });
  let sleeping: Promise<unknown>[] = [];

  const faults: Fault[] = [
    {
      what: 'nobody listens where the database should be',
      begin: () => line.behave({ kind: 'refuse' }),
      end: () => line.heal(),
      dependency: 'database',
      cause: 'refused',
    },
    {
      what: 'the database hangs',
      begin: () => database.pause(),
      end: () => database.resume(),
      dependency: 'database',
      cause: 'hung',
    },
    {
      what: 'this service uses up its own pool',
      begin: () => {
        sleeping = Array.from({ length: 3 }, () =>
          service.app
            .get(Database)
            .transaction('sleep', (tx) => tx.query('select pg_sleep(60)'))
            .catch(() => {}),
        );
      },
      end: async () => {
        await database.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()`,
        );
        await Promise.all(sleeping);
      },
      dependency: 'database',
      cause: 'pool_exhausted',
    },
    {
      what: 'the server has no connection left',
      begin: async () => {
        await database.query(`alter database ${name} connection limit 0`);
        await database.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'service'`,
        );
      },
      end: () => database.query(`alter database ${name} connection limit -1`),
      dependency: 'database',
      cause: 'max_connections',
    },
    {
      what: 'statements pile up behind a lock',
      traffic: 'write',
      begin: () => holding('begin; lock table documents in access exclusive mode'),
      end: letGo,
      dependency: 'database',
      cause: 'locks',
    },
    {
      what: 'the database was made read-only',
      begin: () =>
        database.query(
          `alter database ${name} set default_transaction_read_only = on; select pg_terminate_backend(pid) from pg_stat_activity where usename = 'service'`,
        ),
      end: () =>
        database.query(
          `alter database ${name} reset default_transaction_read_only; select pg_terminate_backend(pid) from pg_stat_activity where usename = 'service'`,
        ),
      dependency: 'database',
      cause: 'read_only',
    },
    {
      what: 'an older state of the database was put back',
      begin: () =>
        database.query(
          'create table kept as select * from migrations order by id desc limit 1; delete from migrations where id in (select id from kept)',
          url,
        ),
      end: () => database.query('insert into migrations select * from kept; drop table kept', url),
      dependency: 'database',
      cause: 'schema_behind',
    },
    {
      what: 'the password of the database was changed',
      begin: async () => {
        await database.query(`alter role service password 'another'`);
        await database.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'service'`,
        );
      },
      end: () => database.query(`alter role service password 'right'`),
      dependency: 'database',
      cause: 'credentials',
    },
    {
      what: 'Redis is gone',
      begin: () => redis.kill(),
      end: () => redis.start(),
      dependency: 'cache',
      cause: /^(refused|lost)$/,
    },
    {
      what: 'Redis has no memory left',
      begin: () => redis.command('CONFIG', 'SET', 'maxmemory', '1'),
      end: () => redis.command('CONFIG', 'SET', 'maxmemory', '0'),
      dependency: 'cache',
      cause: 'out_of_memory',
    },
    {
      what: 'Redis became a replica',
      begin: () => redis.command('REPLICAOF', '127.0.0.1', '1'),
      end: () => redis.command('REPLICAOF', 'NO', 'ONE'),
      dependency: 'cache',
      cause: 'read_only',
    },
    {
      what: 'Redis is still loading',
      begin: async () => {
        await redis.command('DEBUG', 'POPULATE', '3000');
        await redis.command('SAVE');
        await redis.start(['--key-load-delay', '4000', '--loading-process-events-interval-bytes', '1024']);
      },
      end: () => redis.start(),
      dependency: 'cache',
      cause: 'loading',
    },
    {
      what: 'Qdrant hangs',
      begin: () => qdrant.behave({ kind: 'hang' }),
      end: () => qdrant.behave(),
      dependency: 'vector_store',
      cause: 'hung',
    },
    {
      what: 'Qdrant’s disk is full',
      traffic: 'write',
      begin: () =>
        qdrant.behave(
          {
            kind: 'status',
            status: 500,
            body: '{"status":{"error":"Service internal error: No space left on device"}}',
          },
          /PUT .*points/,
        ),
      end: () => qdrant.behave(),
      dependency: 'vector_store',
      cause: 'disk_full',
    },
    {
      what: 'the index was made for another model',
      traffic: 'search',
      begin: () =>
        qdrant.behave(
          {
            kind: 'status',
            status: 400,
            body: '{"status":{"error":"Wrong input: Vector dimension error: expected dim: 8, got 64"}}',
          },
          /query/,
        ),
      end: () => qdrant.behave(),
      dependency: 'vector_store',
      cause: 'wrong_dimension',
    },
    ofFirst('the key of a provider was revoked', { kind: 'unauthorized' }, 'credentials'),
    ofFirst('the quota of a provider is used up', { kind: 'quota', on: ['chat'] }, 'quota'),
    ofFirst(
      'a provider asks for fewer calls',
      { kind: 'rate_limited', headers: { 'retry-after': '20' } },
      'rate_limited',
    ),
    ofFirst(
      'a provider is too slow to begin',
      { kind: 'slow', firstTokenMs: 4_000, on: ['chat'] },
      /^(hung|slow)$/,
    ),
    ofFirst('a provider fails', { kind: 'status', status: 500, on: ['chat'] }, 'server_error'),
    ofFirst('a provider has another model', { kind: 'model_not_found', on: ['chat'] }, 'unknown_model'),
    ofFirst('something else answers for a provider', { kind: 'html', status: 200 }, 'bad_reply'),
    {
      what: 'this process stands still',
      begin: () => {
        for (const endMs = performance.now() + 2_000; performance.now() < endMs;);
      },
      end: () => {},
      dependency: 'process',
      cause: 'event_loop_blocked',
    },
  ];

  it.each(faults.map((fault) => [fault.what, fault] as const))(
    'is named when %s',
    async (_what, { traffic = 'search', begin, end, dependency, cause }) => {
      await isWell();
      try {
        await begin();
        const found = await eventually(
          async () => {
            // Faults are met by those who call, and some by nobody else.
            await Promise.all(Array.from({ length: 3 }, () => calls[traffic]().catch(() => {})));
            const root = await rootCause();
            const named = root !== null && is(root.dependency, dependency) && is(root.cause, cause);
            return named ? root : undefined;
          },
          { ...PATIENCE, what: `${String(dependency)}: ${String(cause)}` },
        ).catch(async (error: unknown) => {
          throw new Error(`It was taken for ${JSON.stringify(await rootCause())}`, { cause: error });
        });
        expect(found).toMatchObject({
          since: expect.stringMatching(/^\d{4}-/),
          affects: expect.stringMatching(/\w/),
          fix: expect.stringMatching(/\w/),
          runbook: `docs/runbooks.md#${found.cause}`,
        });
      } finally {
        await end();
      }
    },
    120_000,
  );

  it('is named when the clock is set, and nothing else minds', async () => {
    const offset = join(folder.path, 'offset');
    writeFileSync(offset, '+0');
    const child = bootChild({
      LD_PRELOAD: FAKETIME!,
      FAKETIME_TIMESTAMP_FILE: offset,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    });
    try {
      await child.ready();
      writeFileSync(offset, '+1h');
      await eventuallyHolds(async () => {
        const { body } = await child.api('GET', '/api/v1/health/diagnostics');
        expect(body.root_cause).toMatchObject({ dependency: 'process', cause: 'clock_jump' });
        expect(body.status).toBe('ready');
      }, PATIENCE);
      const { status } = await child.api('POST', '/api/v1/search', { query: 'lamp' });
      expect(status).toBe(200);
    } finally {
      child.kill('SIGKILL');
      await child.exited;
    }
  }, 60_000);

  describe('of a provider that never was as it should be', () => {
    it.each<[what: string, base: () => string, cause: string]>([
      ['its name cannot be resolved', () => 'http://nowhere.invalid/v1', 'dns'],
      [
        'its certificate is not to be trusted',
        () => `https://127.0.0.1:${(secure.address() as { port: number }).port}/v1`,
        'tls',
      ],
    ])(
      'is named when %s',
      async (_what, base, cause) => {
        const alone = await boot({
          LLM_PROVIDERS: 'only',
          ONLY_BASE_URL: base(),
          ONLY_MODEL: 'model',
          HEALTH_INTERVAL_MS: '500',
        });
        try {
          await eventuallyHolds(async () => {
            const { body } = await alone.api('GET', '/api/v1/health/diagnostics');
            expect(body.root_cause).toMatchObject({ dependency: 'llm.only', cause });
          }, PATIENCE);
        } finally {
          await alone.close();
        }
      },
      90_000,
    );
  });
});

const is = (word: string, expected: string | RegExp) =>
  typeof expected === 'string' ? word === expected : expected.test(word);

async function selfSigned(folder: string): Promise<Server> {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-subj',
      '/CN=nobody',
      '-days',
      '1',
      '-keyout',
      key,
      '-out',
      certificate,
    ],
    { stdio: 'ignore' },
  );
  const server = createServer(
    { key: readFileSync(key), cert: readFileSync(certificate) },
    (_request, response) => response.end(),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
