import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { endsWithUs } from './orphans.ts';

/** A server of a benchmark's own, as a process of its own. */
export interface Served {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

// What says where it is between a line's beginning, or what draws itself anew in it, and its end.
const ADDRESS = /(http:\/\/127\.0\.0\.1:\d+\S*)\n/;
const START_TIMEOUT_MS = 20_000;

/**
 * Starts a script that says in a line of its own where it listens.
 * @param args of the script
 * @param flags what Node is told
 * @throws Error with what it said, when it ends first or says nothing of an address
 */
export async function serve(
  script: string | URL,
  args: readonly string[] = [],
  flags: readonly string[] = [],
): Promise<Served> {
  const child = endsWithUs(
    spawn(process.execPath, [...flags, fileURLToPath(script), ...args], {
      env: { PATH: process.env['PATH'], NODE_ENV: 'production' },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  try {
    return { url: await addressOf(child), pid: child.pid!, stop: () => end(child) };
  } catch (error) {
    await end(child);
    throw error;
  }
}

function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const fail = (why: string) => reject(new Error(`A server of the benchmark ${why}:\n${said}`));
    const timer = setTimeout(() => fail('did not say where it listens'), START_TIMEOUT_MS);
    const hear = (bytes: Buffer) => {
      // Beyond that it is read so that the pipe does not fill up, and forgotten.
      if (said.length < 100_000) said += bytes.toString();
      const address = ADDRESS.exec(said)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      resolve(address);
    };
    child.stdout!.on('data', hear);
    child.stderr!.on('data', hear);
    child.once('exit', () => {
      clearTimeout(timer);
      fail('ended');
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
}
