import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Agent } from 'undici';
import { argument } from './support/argument.ts';
import { figuresOf, type Round, round, send } from './support/clients.ts';
import { fixed, table } from './support/figures.ts';
import { start } from './support/process.ts';
import { serve } from './support/serve.ts';
import { Started } from './support/started.ts';

// What the way through the OpenAI-compatible door costs: the same chat completions asked of a provider that answers at once,
// of a server that does nothing but pass them on to it, of another gateway, and of the service with an API key, in turn. By
// argument: how many rounds. `npm run bench:door`
const ROUNDS = argument('how many rounds', 6);
const LOADS = [
  { clients: 1, requests: 400 },
  { clients: 32, requests: 3_200 },
];
// As many for each before anything is measured: what has more code is for longer in the hands of the compiler.
const WARM_UP = { clients: 32, requests: 16_000 };
const OPERATOR_TOKEN = 'operator-of-the-benchmark';
const SERVER = new URL('door/server.mjs', import.meta.url);
const LOOPBACK = new URL('door/loopback.mjs', import.meta.url);
// Installed by its own lock file when it is first needed: it is measured beside, and is nobody's dependency.
const GATEWAY_FOLDER = new URL('door/gateway/', import.meta.url);
const GATEWAY = new URL('node_modules/@portkey-ai/gateway/build/start-server.js', GATEWAY_FOLDER);
const BODY = {
  model: 'mainstay',
  messages: [
    { role: 'system', content: 'Answer in one sentence.' },
    { role: 'user', content: 'What does the lamp burn?' },
  ],
  temperature: 0.2,
};

interface Target {
  name: string;
  url: string;
  headers?: Record<string, string>;
}

/** @returns how long it took to the end of a whole answer, or to the first bytes of a stream */
async function ask(agent: Agent, { url, headers = {} }: Target, stream: boolean): Promise<number> {
  const startedMs = performance.now();
  const reply = await send(`${url}/chat/completions`, { ...BODY, stream }, { dispatcher: agent, headers });
  if (reply.statusCode !== 200) throw new Error(`${url}: ${reply.statusCode} ${await reply.body.text()}`);
  let firstMs: number | undefined;
  let end = '';
  for await (const bytes of reply.body as AsyncIterable<Buffer>) {
    firstMs ??= performance.now();
    end = (end + bytes.toString()).slice(-16);
  }
  if (stream && !end.includes('[DONE]')) throw new Error(`${url}: a stream without its end`);
  return (stream ? firstMs! : performance.now()) - startedMs;
}

/** @returns the header of a key that was made for this. */
async function keyFor(service: string): Promise<Record<string, string>> {
  const made = await send(
    `${service}/api/v1/keys`,
    { name: 'bench', business_id: 'bench', scopes: ['read'] },
    { headers: { authorization: `Bearer ${OPERATOR_TOKEN}` } },
  );
  const { key } = (await made.body.json()) as { key: string };
  return { authorization: `Bearer ${key}` };
}

if (!existsSync(GATEWAY))
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: GATEWAY_FOLDER,
    stdio: 'inherit',
  });
const started = new Started();
try {
  const provider = await started.keep(serve(SERVER));
  const bare = await started.keep(serve(SERVER, ['--upstream', provider.url]));
  const gateway = await started.keep(serve(GATEWAY, ['--port=0', '--headless'], ['--import', LOOPBACK.href]));
  const service = await started.keep(
    start('door', {
      LLM_PROVIDERS: 'local',
      LOCAL_BASE_URL: provider.url,
      LOCAL_MODEL: 'local',
      DATA_DIR: 'data',
      SECRET_KEY: 'a-secret-of-thirty-two-characters',
      OPERATOR_TOKEN,
      // Counted for the key and for its tenant, and never used up.
      RATE_LIMIT_REQUESTS: '10000000',
    }),
  );
  const targets: Target[] = [
    { name: 'the provider itself', url: provider.url },
    { name: 'a bare pass-through', url: bare.url },
    {
      name: '@portkey-ai/gateway',
      url: gateway.url,
      headers: {
        authorization: 'Bearer none',
        'x-portkey-provider': 'openai',
        'x-portkey-custom-host': provider.url,
      },
    },
    { name: 'the door', url: `${service.url}/v1`, headers: await keyFor(service.url) },
  ];
  for (const stream of [false, true]) {
    const each = WARM_UP.requests / WARM_UP.clients;
    for (const target of targets) await round(WARM_UP.clients, each, (agent) => ask(agent, target, stream));
    const rows = [];
    for (const { clients, requests } of LOADS) {
      const rounds = targets.map(() => [] as Round[]);
      for (let i = 0; i <= ROUNDS; i += 1) {
        const turn = [...targets.entries()];
        for (const [j, target] of i % 2 === 0 ? turn : turn.toReversed()) {
          const took = await round(clients, requests / clients, (agent) => ask(agent, target, stream));
          // The first makes its connections warm.
          if (i > 0) rounds[j]!.push(took);
        }
      }
      const figures = rounds.map(figuresOf);
      for (const [j, { p50, p99, rate }] of figures.entries())
        rows.push([
          clients,
          targets[j]!.name,
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
  await started.stop();
}
