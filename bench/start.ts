import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fixed, median, table } from './support/figures.ts';

// How long the built service takes until it answers that it is ready, and how much memory it then holds, on a new data
// folder and on one that exists. Beside it, a bare Node process. `npm run bench:start`
const ROUNDS = 7;
const SETTLE_MS = 6_000;
const PORT = 18_473;

async function start(folder: string): Promise<{ tookMs: number; rssMb: number }> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, ['dist/main.js'], {
    env: { PATH: process.env['PATH'], DATA_DIR: folder, PORT: String(PORT) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // Its own word, and then the probe's: asking all the time would take the time that is measured.
  await saysReady(child);
  const { ok } = await fetch(`http://127.0.0.1:${PORT}/api/v1/health/readiness`);
  if (!ok) throw new Error('The service said that it was ready, and its probe did not');
  const tookMs = performance.now() - startedMs;
  // The engine compiles itself for a while after it has started: at rest is what is left then.
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const rssMb = await residentMb(child);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exited;
  return { tookMs, rssMb };
}

function saysReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout!.on('data', (bytes: Buffer) => {
      said += bytes.toString();
      if (said.includes('"event":"boot.ready"')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`The service ended with ${code} before it was ready`)));
  });
}

async function residentMb({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1_024;
}

async function bareNode(): Promise<number> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' });
  await new Promise((resolve) => child.once('exit', resolve));
  return performance.now() - startedMs;
}

const figures = {
  fresh: [] as number[],
  existing: [] as number[],
  bare: [] as number[],
  rss: [] as number[],
};
for (let round = 0; round < ROUNDS; round += 1) {
  const folder = await mkdtemp(join(tmpdir(), 'mainstay-bench-'));
  try {
    figures.fresh.push((await start(folder)).tookMs);
    const again = await start(folder);
    figures.existing.push(again.tookMs);
    figures.rss.push(again.rssMb);
    figures.bare.push(await bareNode());
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
process.stdout.write(
  `${table(
    ['start to ready', 'median', 'worst'],
    [
      ['new data folder, ms', fixed(median(figures.fresh), 0), fixed(Math.max(...figures.fresh), 0)],
      [
        'existing data folder, ms',
        fixed(median(figures.existing), 0),
        fixed(Math.max(...figures.existing), 0),
      ],
      [
        'a bare Node process from start to end, ms',
        fixed(median(figures.bare), 0),
        fixed(Math.max(...figures.bare), 0),
      ],
      ['resident memory at rest, MB', fixed(median(figures.rss), 0), fixed(Math.max(...figures.rss), 0)],
    ],
  )}\n`,
);
