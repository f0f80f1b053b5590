import '../test/chaos/sources.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { argument } from './support/argument.ts';
import { fixed, median, table } from './support/figures.ts';
import { Inspector } from './support/inspector.ts';
import { start } from './support/process.ts';
import { type Reading, Readings, slope } from './support/readings.ts';
import { serve } from './support/serve.ts';
import { Started } from './support/started.ts';
import { Moods } from './soak/moods.ts';
import { openAtOnce } from './soak/places.ts';
import { Traffic } from './soak/traffic.ts';

// Mixed traffic at a fixed rate for some minutes, on a real PostgreSQL and a real Redis, whose clients leave and whose
// providers fail: what the service holds over time, and that it holds nothing when it is over. By argument: how many
// minutes. `npm run bench:soak`
const { PostgresServer } = await import('../test/support/postgres.js');
const { startRedis } = await import('../test/support/redis.js');
const { startProvider } = await import('../test/support/provider.js');
const { eventually } = await import('../test/support/eventually.js');
const MINUTES = argument('for how many minutes', 2);
const RATE = 20;
// What waits is not added to for ever by a machine that is too slow: what is left out is said.
const OPEN_MAX = 200;
const PARTS = 10;
const READ_EVERY_MS = Math.min(1_000, (MINUTES * 60_000) / PARTS / 3);
const DIMENSION = 64;
const STREAMS_MAX = 100;
const FAULT_EVERY = 20;
const WORD_MS = 20;
const SETTLE_TIMEOUT_MS = 30_000;
const QDRANT = new URL('support/qdrant.process.ts', import.meta.url);

interface Sample extends Reading {
  atMs: number;
  streams: number;
}

/** What must come back to nothing, by its name. */
function held({ requests, taken, waiting, calls, queued }: Reading) {
  return {
    'requests under way': requests,
    'connections of the database taken': taken,
    'callers that wait for one': waiting,
    'calls to dependencies': calls,
    'callers that wait for a place': queued,
  };
}

const started = new Started();
try {
  const database = await started.keep(PostgresServer.start());
  const redis = await started.keep(startRedis());
  const qdrant = await started.keep(serve(QDRANT));
  const moods = new Moods(FAULT_EVERY, WORD_MS);
  const models = { dimension: DIMENSION, mood: moods.next.bind(moods) };
  const first = await started.keep(startProvider(models));
  const second = await started.keep(startProvider(models));
  const inspected = await Inspector.prepare();
  const service = await started.keep(
    start(
      'soak',
      {
        DATABASE_URL: await database.newDatabase(),
        REDIS_URL: redis.url,
        QDRANT_URL: qdrant.url,
        LLM_PROVIDERS: 'first,second',
        FIRST_BASE_URL: first.url,
        FIRST_MODEL: 'large',
        FIRST_EMBEDDING_MODEL: 'vectors',
        FIRST_EMBEDDING_DIMENSION: String(DIMENSION),
        SECOND_BASE_URL: second.url,
        SECOND_MODEL: 'small',
        SECOND_EMBEDDING_MODEL: 'vectors',
        SECOND_EMBEDDING_DIMENSION: String(DIMENSION),
        STREAMS_PER_TENANT_MAX: String(STREAMS_MAX),
      },
      [inspected.flag],
    ),
  );
  const inspector = await started.keep(inspected.connect());
  const readings = await Readings.of(service.url);
  const traffic = new Traffic(service.url);
  const samples: Sample[] = [];
  const lives: { atMs: number; mb: number }[] = [];
  const durationMs = MINUTES * 60_000;
  const total = Math.round((durationMs / 1_000) * RATE);
  let leftOut = 0;
  const beganMs = performance.now();
  const sinceMs = () => performance.now() - beganMs;
  const collect = async () => {
    const { heapMb, buffersMb } = await inspector.live();
    lives.push({ atMs: sinceMs(), mb: heapMb + buffersMb });
  };
  let going = true;
  const reading = (async () => {
    while (going) {
      samples.push({ ...(await readings.read()), atMs: sinceMs(), streams: traffic.streams });
      // At the end of each tenth, what is no garbage.
      if (sinceMs() >= ((lives.length + 1) * durationMs) / PARTS) await collect();
      await sleep(READ_EVERY_MS);
    }
  })();
  // Waited for below: what it fails with must not end this process before it has ended its own.
  reading.catch(() => {});
  for (let i = 0; i < total; i += 1) {
    await sleep(Math.max(0, (i * 1_000) / RATE - sinceMs()));
    if (traffic.open < OPEN_MAX) traffic.next();
    else leftOut += 1;
    // The doubles remember each request that they got: nobody asks them for it.
    first.requests.length = 0;
    second.requests.length = 0;
  }
  going = false;
  await reading;
  if (lives.length < PARTS) await collect();
  await traffic.done();

  const parts = Array.from({ length: PARTS }, (_, n) =>
    samples.filter(({ atMs }) => Math.min(PARTS - 1, Math.floor((atMs / durationMs) * PARTS)) === n),
  ).filter((part) => part.length > 0);
  const rows = parts.map((part, n) => {
    const of = (what: keyof Sample) => part.map((sample) => sample[what]);
    return [
      fixed(part.at(-1)!.atMs / 60_000, 1),
      fixed(median(of('rssMb')), 0),
      fixed(Math.max(...of('heapMb')), 0),
      fixed(lives[n]!.mb, 1),
      ...(['handles', 'requests', 'streams', 'taken', 'calls'] as const).map((what) => Math.max(...of(what))),
    ];
  });
  const head = [
    'minutes',
    'resident MB',
    'heap MB, most',
    'live MB',
    'handles, most',
    'requests',
    'streams',
    'connections taken',
    'calls under way',
  ];
  process.stdout.write(`${table(head, rows)}\n\n`);
  const later = samples.filter(({ atMs }) => atMs >= durationMs / 5);
  const resident = slope(later.map(({ atMs, rssMb }) => [atMs / 60_000, rssMb]));
  const live = slope(
    lives.filter(({ atMs }) => atMs >= durationMs / 5).map(({ atMs, mb }) => [atMs / 60_000, mb]),
  );
  process.stdout.write(
    `After the first fifth, by least squares: resident memory ${fixed(resident, 2)} MB a minute, live memory ${fixed(live, 2)} MB a minute\n\n`,
  );
  const outcomes = [...traffic.outcomes].toSorted(([a], [b]) => (a < b ? -1 : 1));
  process.stdout.write(
    `${table(
      ['asked for', 'whole', 'left by the client', 'told of an error', 'broke off', 'other answers'],
      outcomes.map(([kind, { whole, left, told, broken, refused }]) => [
        kind,
        whole,
        left,
        told,
        broken,
        [...refused].map(([status, times]) => `${times} × ${status}`).join(', '),
      ]),
    )}\n\n${moods.faults} of ${moods.replies} replies of the providers were faults; ${leftOut} of ${total} requests were left out\n\n`,
  );

  moods.calm();
  let left = held(await readings.read());
  await eventually(
    async () => {
      left = held(await readings.read());
      return Object.values(left).every((n) => n === 0);
    },
    { timeoutMs: SETTLE_TIMEOUT_MS, everyMs: 250 },
  ).catch(() => {
    // What is left is shown below.
  });
  const places = await openAtOnce(service.url, STREAMS_MAX);
  const ends = { ...left, 'places for streams that never came back': STREAMS_MAX - places };
  process.stdout.write(`${table(['when it is over', ''], Object.entries(ends))}\n`);
  if (Object.values(ends).some((n) => n !== 0)) process.exitCode = 1;
} finally {
  await started.stop();
}
