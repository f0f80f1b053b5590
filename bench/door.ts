import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { fixed, quantile, table } from './support/figures.ts';
import { start } from './support/process.ts';

// What the way through the OpenAI-compatible door costs: the same chat completions asked of a provider that answers at once,
// of a server that does nothing but pass them on to it, and of the service, in turn. `npm run bench:door`
const ROUNDS = 7;
const LOADS = [
  { clients: 1, requests: 400 },
  { clients: 32, requests: 3_200 },
];
const SERVER = fileURLToPath(new URL('door/server.mjs', import.meta.url));
const BODY = {
  model: 'mainstay',
  messages: [
    { role: 'system', content: 'Answer in one sentence.' },
    { role: 'user', content: 'What does the lamp burn?' },
  ],
  temperature: 0.2,
};

const children: ChildProcess[] = [];
async function serve(...upstream: string[]): Promise<string> {
  const child = spawn(process.execPath, [SERVER, ...upstream], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return line.toString().trim();
}

interface Round {
  ms: number[];
  tookMs: number;
}

/** @returns how long each request took, to the end of a whole answer or to the first bytes of a stream */
async function load(url: string, stream: boolean, clients: number, requests: number): Promise<Round> {
  const agent = new Agent({ connections: clients, pipelining: 1 });
  const body = JSON.stringify({ ...BODY, stream });
  const ms: number[] = [];
  const client = async () => {
    for (let i = 0; i < requests / clients; i += 1) {
      const startedMs = performance.now();
      const reply = await request(`${url}/chat/completions`, {
        dispatcher: agent,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      if (reply.statusCode !== 200) throw new Error(`${url}: ${reply.statusCode} ${await reply.body.text()}`);
      let first: number | undefined;
      let end = '';
      for await (const bytes of reply.body as AsyncIterable<Buffer>) {
        first ??= performance.now();
        end = bytes.toString().slice(-16);
      }
      if (stream && !end.includes('[DONE]')) throw new Error(`${url}: a stream without its end`);
      ms.push((stream ? first! : performance.now()) - startedMs);
    }
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: clients }, client));
  const tookMs = performance.now() - startedMs;
  await agent.close();
  return { ms, tookMs };
}

const provider = await serve();
const bare = await serve(provider);
const service = await start('door', {
  LLM_PROVIDERS: 'local',
  LOCAL_BASE_URL: provider,
  LOCAL_MODEL: 'local',
  DATA_DIR: 'data',
});
try {
  const targets = [
    ['the provider itself', provider],
    ['a bare pass-through', bare],
    ['the door', `${service.url}/v1`],
  ] as const;
  for (const stream of [false, true]) {
    const rows = [];
    for (const { clients, requests } of LOADS) {
      const rounds = targets.map(() => [] as Round[]);
      for (let i = 0; i < ROUNDS; i += 1)
        for (const j of i % 2 === 0 ? [0, 1, 2] : [2, 1, 0]) {
          const round = await load(targets[j]![1], stream, clients, requests);
          // The first is for the compiler.
          if (i > 0) rounds[j]!.push(round);
        }
      const figures = rounds.map((of) => {
        const ms = of.flatMap((round) => round.ms);
        const tookS = of.reduce((sum, round) => sum + round.tookMs, 0) / 1_000;
        return { p50: quantile(ms, 0.5), p99: quantile(ms, 0.99), rate: ms.length / tookS };
      });
      for (const [j, { p50, p99, rate }] of figures.entries())
        rows.push([
          clients,
          targets[j]![0],
          fixed(p50, 2),
          fixed(p99, 2),
          fixed(rate, 0),
          ...[p50 / figures[1]!.p50, p99 / figures[1]!.p99, rate / figures[1]!.rate].map((x) => fixed(x, 2)),
        ]);
    }
    const what = stream ? 'to the first bytes of a stream' : 'whole answer';
    const head = ['clients', what, 'p50 ms', 'p99 ms', 'requests/s', 'p50 ratio', 'p99 ratio', 'rate ratio'];
    process.stdout.write(`${table(head, rows)}\n\n`);
  }
} finally {
  await service.stop();
  for (const child of children) child.kill();
}
