// Starts the built service as `npm start` does, on an empty environment and a new data folder, asks what a load balancer and
// an operator ask, and stops it. Fails when it is not ready in time, answers something else, or does not end well.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

// Ten times what it takes on a quiet machine.
const READY_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 10_000;

// A folder of its own: no .env of a developer is in it.
const folder = mkdtempSync(join(tmpdir(), 'mainstay-boot-'));
const startedMs = performance.now();
const child = spawn(process.execPath, ['--enable-source-maps', resolve('dist/main.js')], {
  cwd: folder,
  env: { PORT: '0' },
  stdio: ['ignore', 'pipe', 'pipe'],
});
let said = '';
child.stdout.on('data', (chunk) => (said += chunk));
child.stderr.on('data', (chunk) => (said += chunk));
const ended = new Promise((settle) => child.once('close', (code, signal) => settle(code ?? signal)));

try {
  const url = await within(READY_TIMEOUT_MS, 'the service was not ready', serving());
  const readyMs = Math.round(performance.now() - startedMs);
  await answers(url, '/api/v1/health/startup', (body) => body.status === 'started');
  await answers(url, '/api/v1/health/liveness', (body) => body.status === 'ok');
  await answers(
    url,
    '/api/v1/health/readiness',
    (body) => body.status === 'ready' && body.overall_healthy === true,
  );
  await answers(url, '/api/v1/health/diagnostics', (body) => body.dependencies.database.status === 'up');
  await answers(url, '/api/openapi.json', (body) => Object.keys(body.paths).length > 0);
  child.kill('SIGTERM');
  const code = await within(STOP_TIMEOUT_MS, 'the service did not stop', ended);
  if (code !== 0) throw new Error(`the service ended with ${code} after SIGTERM`);
  if (existsSync(join(folder, 'data/mainstay.lock'))) throw new Error('the data folder is still locked');
  console.log(`Ready after ${readyMs} ms at ${url}, answered its probes, stopped with exit code 0.`);
} catch (error) {
  console.error(`${error.message}. What it said:\n${said}`);
  process.exitCode = 1;
} finally {
  child.kill('SIGKILL');
  await ended;
  rmSync(folder, { recursive: true, force: true });
}

/** The URL that its log names once it is ready. */
async function serving() {
  for (;;) {
    const line = said.split('\n').find((text) => text.includes('"event":"boot.ready"'));
    if (line !== undefined) return JSON.parse(line).url;
    if (child.exitCode !== null)
      throw new Error(`the service ended with ${child.exitCode} instead of starting`);
    await new Promise((settle) => setTimeout(settle, 20));
  }
}

async function answers(url, path, isRight) {
  const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(5_000) });
  const body = await response.json();
  if (response.status !== 200 || !isRight(body)) {
    throw new Error(`${path} answered ${response.status} ${JSON.stringify(body)}`);
  }
}

async function within(ms, what, work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} within ${ms} ms`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
