import '../test/chaos/sources.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { argument } from './support/argument.ts';
import { fixed, quantile, table } from './support/figures.ts';
import { Inspector, type Live } from './support/inspector.ts';
import { watchMemory } from './support/memory.ts';
import { start } from './support/process.ts';
import { serve } from './support/serve.ts';
import { Started } from './support/started.ts';
import { type Asking, nowMs, readAll } from './streams/reader.ts';

// Many streams at once from a provider that sends an event every so often: what each weighs in memory, and how late its
// events are, beside a server that does nothing but pass them on. By argument: how many. `npm run bench:streams`
const { PostgresServer } = await import('../test/support/postgres.js');
const STREAMS = argument('how many streams at once', 500);
const WARM_STREAMS = 50;
const EVERY_MS = 100;
const EVENTS = 150;
// Evenly: hundreds of clients do not all ask in the same moment. For ten seconds after that, all are open.
const OPEN_MS = 5_000;
const REST_MS = 10_000;
// What waited while garbage was collected has come by then.
const CATCH_UP_MS = 500;
const SERVER = new URL('door/server.mjs', import.meta.url);
const QDRANT = new URL('support/qdrant.process.ts', import.meta.url);

interface Target {
  name: string;
  pid: number;
  inspector: Inspector;
  asking: Asking;
}

const sizeOf = ({ heapMb, buffersMb }: Live) => heapMb + buffersMb;

/** What a process holds in the middle of it, and when it stood still to tell. */
async function whileAllAreOpen(inspector: Inspector) {
  await sleep(OPEN_MS + (EVERY_MS * EVENTS - OPEN_MS) / 2);
  const fromMs = nowMs();
  const live = await inspector.live();
  return { fromMs, live, toMs: nowMs() };
}

const started = new Started();
try {
  const database = await started.keep(PostgresServer.start());
  const qdrant = await started.keep(serve(QDRANT));
  const provider = await started.keep(
    serve(SERVER, ['--every-ms', String(EVERY_MS), '--events', String(EVENTS)]),
  );
  const inspected = [await Inspector.prepare(), await Inspector.prepare()] as const;
  const bare = await started.keep(serve(SERVER, ['--upstream', provider.url], [inspected[0].flag]));
  const service = await started.keep(
    start(
      'streams',
      {
        DATABASE_URL: await database.newDatabase(),
        QDRANT_URL: qdrant.url,
        LLM_PROVIDERS: 'local',
        LOCAL_BASE_URL: provider.url,
        LOCAL_MODEL: 'local',
        // By default a tenant may have 200 open, and a model is asked for 64 at a time.
        STREAMS_PER_TENANT_MAX: String(Math.max(STREAMS, 2 * WARM_STREAMS)),
        LLM_CONCURRENCY: String(Math.max(STREAMS, 2 * WARM_STREAMS)),
      },
      [inspected[1].flag],
    ),
  );
  const ofBare = await started.keep(inspected[0].connect());
  const ofService = await started.keep(inspected[1].connect());
  const completion = (url: string): Asking => ({
    url: `${url}/chat/completions`,
    body: () => ({ model: 'mainstay', stream: true, messages: [{ role: 'user', content: 'What burns?' }] }),
    end: 'data: [DONE]',
  });
  const generation: Asking = {
    url: `${service.url}/api/v1/generate`,
    body: (n) => ({ topic: `Lamps, number ${n}`, format: 'note', stream: true }),
    end: 'event: done',
  };
  const plain: Target = {
    name: 'a bare pass-through',
    pid: bare.pid,
    inspector: ofBare,
    asking: completion(bare.url),
  };
  const door: Target = {
    name: 'the door',
    pid: service.pid,
    inspector: ofService,
    asking: completion(`${service.url}/v1`),
  };
  const generate: Target = {
    name: 'POST /api/v1/generate',
    pid: service.pid,
    inspector: ofService,
    asking: generation,
  };
  const rest = (pid: number, ms: number) => watchMemory(pid, () => sleep(ms));

  // What is compiled and cached at first is no part of what a stream weighs.
  await Promise.all([plain, door, generate].map(({ asking }) => readAll(asking, WARM_STREAMS, 0, EVENTS)));
  const rows = [];
  const lame: string[] = [];
  for (const { name, pid, inspector, asking } of [plain, door, plain, generate]) {
    const before = await inspector.live();
    const resting = await rest(pid, REST_MS / 2);
    const { max, result } = await watchMemory(pid, () =>
      Promise.all([readAll(asking, STREAMS, OPEN_MS, EVENTS), whileAllAreOpen(inspector)]),
    );
    const [{ whole, wrong, events }, open] = result;
    const after = await rest(pid, REST_MS);
    const left = await inspector.live();
    for (const [why, times] of wrong) lame.push(`${name}: ${times} × ${why}`);
    const late = events
      .filter(({ sentMs }) => sentMs < open.fromMs - CATCH_UP_MS || sentMs > open.toMs + CATCH_UP_MS)
      .map(({ lateMs }) => lateMs);
    rows.push([
      name,
      `${whole} / ${STREAMS}`,
      ...[resting.min, max, after.min].map((mb) => fixed(mb, 0)),
      ...[before, open.live, left].map((live) => fixed(sizeOf(live), 1)),
      fixed(((sizeOf(open.live) - sizeOf(before)) * 1_024) / STREAMS, 1),
      ...[0.5, 0.99, 1].map((q) => fixed(quantile(late, q), 1)),
    ]);
  }
  const head = [
    'streams',
    'whole',
    'resident MB before',
    'at most',
    'after',
    'live MB before',
    'all open',
    'after',
    'live kB a stream',
    'late by p50 ms',
    'p99 ms',
    'max ms',
  ];
  process.stdout.write(`${table(head, rows)}\n`);
  for (const why of lame) process.stdout.write(`\nNot whole: ${why}\n`);
  if (lame.length > 0) process.exitCode = 1;
} finally {
  await started.stop();
}
