import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endsWithUs } from './orphans.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The built service as a process of its own. */
export interface Running {
  name: string;
  url: string;
  pid: number;
  /** From its start to its own word that it is ready. */
  readyMs: number;
  stop(): Promise<void>;
}

/** @param imports what Node is told to load before it */
export async function start(
  name: string,
  env: Record<string, string>,
  imports: string[] = [],
): Promise<Running> {
  const cwd = mkdtempSync(join(tmpdir(), 'mainstay-load-'));
  const startedMs = performance.now();
  const child = spawn(process.execPath, ['--expose-gc', ...imports, `${ROOT}dist/main.js`], {
    cwd,
    env: {
      PATH: process.env['PATH'],
      HOST: '127.0.0.1',
      PORT: '0',
      PROMETHEUS_PORT: '0',
      DRAIN_DELAY_MS: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  endsWithUs(child);
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (bytes: Buffer) => {
      if (said.length < 100_000) said += bytes.toString();
      const found = /"url":"(http:[^"]+)","took_ms"/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error(`The service ended:\n${said}`)));
  });
  return {
    name,
    url,
    pid: child.pid!,
    readyMs: performance.now() - startedMs,
    stop: async () => {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await gone;
      rmSync(cwd, { recursive: true, force: true });
    },
  };
}

export const megabytes = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1_024;
