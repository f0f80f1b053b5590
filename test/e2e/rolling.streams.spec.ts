import { eventually } from '../support/eventually.js';
import { haproxyMissing } from '../support/haproxy.js';
import { describeNeeding } from '../support/needs.js';
import { postgresMissing, PostgresServer } from '../support/postgres.js';
import { type Provider, startProvider } from '../support/provider.ts';
import { redisMissing, type RedisServer, startRedis } from '../support/redis.ts';
import { Replicas } from '../support/replicas.js';
import { sha256, type SseReader } from '../support/sse.js';
import { ResumingReader } from '../support/sse.resuming.js';

const LAMP = { title: 'Lamp', content: 'The lamp burns colza oil in winter, and whale oil in summer.' };
const BRIEFLY = 'What does the lamp burn in winter, briefly?';
const AT_LENGTH = 'What does the lamp burn in winter, at length?';
// Of a word each 120 ms: one second, which a replica that stops still has, and ten, which it has not.
const EVERY_MS = 120;
const SHORT = 'It burns colza oil. [1] That is all.';
const LONG = `It burns colza oil. [1] ${Array.from({ length: 25 }, (_, i) => `Then word ${i}.`).join(' ')}`;
const DRAIN_DELAY_MS = 2_000;
const DRAIN_TIMEOUT_MS = 2_000;
const RESTARTS = 3;
// Of a long text so many words have come at most when its replica is told to stop: the rest takes longer than that may.
const BEGUN_TOKENS_MAX = 25;

interface Reading {
  path: string;
  body: object;
  says: string;
}

describeNeeding(haproxyMissing ?? postgresMissing ?? redisMissing, 'A rolling restart under streams', () => {
  let database: PostgresServer;
  let redis: RedisServer;
  let provider: Provider;
  let replicas: Replicas;

  beforeAll(async () => {
    [database, redis, provider] = await Promise.all([
      PostgresServer.start(),
      startRedis(),
      startProvider({ nonces: false, says: (prompt) => (prompt.includes(BRIEFLY) ? SHORT : LONG) }),
    ]);
    replicas = await Replicas.start({
      DATABASE_URL: await database.newDatabase(),
      REDIS_URL: redis.url,
      // A machine that is busy with other things is not what this is about.
      DB_ACQUIRE_TIMEOUT_MS: '5000',
      REDIS_COMMAND_TIMEOUT_MS: '5000',
      DRAIN_DELAY_MS: String(DRAIN_DELAY_MS),
      DRAIN_TIMEOUT_MS: String(DRAIN_TIMEOUT_MS),
      STREAM_HEARTBEAT_MS: '500',
      LLM_PROVIDERS: 'only',
      ONLY_BASE_URL: provider.url,
      ONLY_MODEL: 'model',
    });
    expect((await replicas.first.api('POST', '/api/v1/documents', LAMP)).status).toBe(202);
    await provider.behave({ kind: 'drip', everyMs: EVERY_MS });
  }, 60_000);
  afterAll(async () => {
    await replicas?.stop();
    await Promise.all([database, redis, provider].map((server) => server?.stop()));
  });

  const answer = (question: string, says: string) => async (): Promise<Reading> => ({
    path: '/api/v1/answers',
    body: { question },
    says,
  });
  const text = async (): Promise<Reading> => ({
    path: '/api/v1/generate',
    body: { business_id: 'default', topic: AT_LENGTH, format: 'post', voice: 'calm' },
    says: LONG,
  });
  const message = async (): Promise<Reading> => {
    const opened = await fetch(`${replicas.url}/api/v1/chat/sessions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    const { session_id } = (await opened.json()) as { session_id: string };
    return {
      path: `/api/v1/chat/sessions/${session_id}/messages`,
      body: { content: AT_LENGTH },
      says: LONG,
    };
  };

  it('ends no stream silently: each is finished where it is, or gone on with elsewhere, and nothing comes twice', async () => {
    const read: { reading: Reading; reader: ResumingReader }[] = [];
    const underWay = new Set<{ reading: Reading; reader: ResumingReader }>();
    let going = true;
    const readers = [
      answer(BRIEFLY, SHORT),
      answer(BRIEFLY, SHORT),
      answer(AT_LENGTH, LONG),
      answer(AT_LENGTH, LONG),
      text,
      message,
    ].map(async (next) => {
      while (going) {
        const reading = await next();
        const reader = new ResumingReader(`${replicas.url}${reading.path}`, {
          ...reading.body,
          stream: true,
        });
        const one = { reading, reader };
        underWay.add(one);
        await reader.read();
        underWay.delete(one);
        read.push(one);
      }
    });
    const all = Promise.all(readers);
    // What a reader does not survive is said below, and until then must not end the process.
    all.catch(() => (going = false));

    const codes: (number | null)[] = [];
    for (let i = 0; i < RESTARTS && going; i += 1) {
      // One that can be finished, and one that cannot.
      for (const said of [SHORT, LONG])
        await eventually(
          () =>
            !going || [...underWay].some((one) => one.reading.says === said && begunAt(one.reader, i % 2)),
          { what: `A stream from replica ${i % 2}` },
        );
      codes.push(await replicas.restart(i % 2));
    }
    going = false;
    await all;

    expect(codes).toEqual(Array.from({ length: RESTARTS }, () => 0));
    for (const { reading, reader } of read) {
      const { data } = reader.parts.at(-1)!.last!;
      expect({ text: reader.text, level: data.answer_level }).toEqual({ text: reading.says, level: 'full' });
      expect(data.sha256).toBe(sha256(reader.text));
      const parts = reader.parts.slice(0, -1);
      // Whoever was sent elsewhere had been told, and was not sent back to where he had been.
      expect(parts.map((part) => part.of('shutdown').length)).toEqual(parts.map(() => 1));
      expect(reader.parts.flatMap((part) => part.of('restart'))).toEqual([]);
      parts.forEach((part, i) => expect(replicaOf(part)).not.toBe(replicaOf(reader.parts[i + 1]!)));
    }
    const last = read.map(({ reader }) => reader.parts.at(-1)!);
    const finished = last.filter((part) => part.of('shutdown').length > 0);
    expect(finished.length).toBeGreaterThan(0);
    expect(read.filter(({ reader }) => reader.parts.length > 1).length).toBeGreaterThanOrEqual(RESTARTS);
    await expectStoredOnce(read.map(({ reading }) => reading));
  }, 240_000);

  /** What was written to be kept is kept as often as it was read: once. */
  async function expectStoredOnce(readings: readonly Reading[]): Promise<void> {
    const { api } = replicas.first;
    const stats = await api('GET', '/api/v1/learning/stats/default');
    expect(stats.body.generations).toBe(readings.filter(({ path }) => path.endsWith('/generate')).length);
    for (const { path } of readings.filter((reading) => reading.path.endsWith('/messages'))) {
      const { body } = await api('GET', path);
      expect(body.data.map(({ content }: { content: string }) => content)).toEqual([AT_LENGTH, LONG]);
    }
  }
});

function replicaOf({ response }: SseReader): unknown {
  return response.headers['x-replica'];
}

/** Whether its first stream comes from this replica, and has more before it than behind it. */
function begunAt({ parts }: ResumingReader, replica: number): boolean {
  const tokens = parts[0]?.of('token').length ?? 0;
  return (
    parts.length === 1 &&
    !parts[0]!.ended &&
    replicaOf(parts[0]!) === `replica${replica}` &&
    tokens > 0 &&
    tokens < BEGUN_TOKENS_MAX
  );
}
