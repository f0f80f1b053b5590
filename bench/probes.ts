import '../test/chaos/sources.ts';
import { Worker } from 'node:worker_threads';
import { Agent, request } from 'undici';
import { fixed, quantile, table } from './support/figures.ts';
import { start } from './support/process.ts';

// How long probes take while the service is well, while its database is a black hole, while everything that it depends on
// hangs and 32 clients ask for it; and beside it, what an empty Node server takes that is asked in turn. `npm run bench:probes`
const { PostgresServer } = await import('../test/support/postgres.js');
const { FaultProxy } = await import('../test/support/fault-proxy.js');
const { startQdrant } = await import('../test/support/qdrant.js');
const ROUNDS = 2_000;
const CLIENTS = 32;
const PROBES = { liveness: '/api/v1/health/liveness', readiness: '/api/v1/health/readiness' };

const agent = new Agent({ connections: 1, pipelining: 1 });
const probe = async (url: string) => {
  const startedMs = performance.now();
  const { body } = await request(url, { dispatcher: agent });
  await body.dump();
  return performance.now() - startedMs;
};

// In a thread of its own, as the service is a process of its own.
const empty = new Worker(
  `const { parentPort } = require('node:worker_threads');
   const server = require('node:http').createServer((_, response) => response.end('{}'));
   server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));`,
  { eval: true },
);
const port = await new Promise<number>((resolve) => empty.once('message', resolve));
const database = await PostgresServer.start();
const line = await FaultProxy.start(database.port);
const qdrant = await startQdrant();
const url = new URL(await database.newDatabase());
url.port = String(line.port);
const service = await start('probed', {
  DATABASE_URL: url.href,
  QDRANT_URL: qdrant.url,
  DB_POOL_MAX_OVERFLOW: '0',
});
const rows: string[][] = [];
try {
  const measure = async (what: string) => {
    for (const [name, path] of Object.entries(PROBES)) {
      const took = { ours: [] as number[], empty: [] as number[] };
      for (let i = 0; i < ROUNDS; i += 1) {
        took.ours.push(await probe(`${service.url}${path}`));
        took.empty.push(await probe(`http://127.0.0.1:${port}/`));
      }
      const of = (ms: number[]) => [0.5, 0.99, 1].map((q) => fixed(quantile(ms, q), 2));
      rows.push([`${name}, ${what}`, ...of(took.ours), ...of(took.empty)]);
    }
  };
  const underLoad = async (what: string) => {
    let going = true;
    const clients = new Agent({ connections: CLIENTS });
    const asking = Array.from({ length: CLIENTS }, async () => {
      while (going) {
        const { body } = await request(`${service.url}/api/v1/search`, {
          method: 'POST',
          dispatcher: clients,
          headers: { 'content-type': 'application/json' },
          body: '{"query":"lamp"}',
        });
        await body.dump();
      }
    });
    await measure(what);
    going = false;
    await Promise.all(asking);
    await clients.close();
  };
  await probe(`${service.url}/health`);
  await measure('well');
  await underLoad('well, 32 clients search');
  await line.behave({ kind: 'black_hole' });
  await measure('database black-holed');
  qdrant.behave({ kind: 'hang' });
  await underLoad('everything hung, 32 clients search');
  process.stdout.write(`${table(['ms', 'p50', 'p99', 'max', 'empty server p50', 'p99', 'max'], rows)}\n`);
} finally {
  await service.stop();
  await line.stop();
  await qdrant.stop();
  await database.stop();
  await empty.terminate();
  await agent.close();
}
