import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.js';

const BUILT = fileURLToPath(new URL('../../dist/cli/', import.meta.url));
// Each command starts a service of its own, on a machine with two cores and other tests. What takes longer hangs.
const TIMEOUT_MS = 90_000;

export interface Ended {
  /** What a shell would see: 128 + n for a process that signal n ended. */
  code: number;
  stdout: string;
  stderr: string;
}

export interface Command {
  stdout(): string;
  stderr(): string;
  /** Resolves when the command has said this; rejects when it ends before. */
  says(words: string | RegExp): Promise<void>;
  interrupt(): void;
  ended: Promise<Ended>;
}

/**
 * The built command line as a process of its own. Its environment is `env` and nothing else but PATH, and it runs in `cwd`,
 * so that no `.env` of the developer's gets in.
 */
export function startCli(
  program: 'main' | 'demo',
  args: string[],
  cwd: string,
  env: Record<string, string>,
): Command {
  const child = spawn(process.execPath, ['--enable-source-maps', `${BUILT}${program}.js`, ...args], {
    cwd,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  let hasEnded = false;
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => {
      hasEnded = true;
      resolve({ code: code ?? (signal === 'SIGINT' ? 130 : 137), stdout, stderr });
    });
  });
  const says = async (words: string | RegExp) => {
    const said = await eventually(
      () => {
        const all = stdout + stderr;
        if (typeof words === 'string' ? all.includes(words) : words.test(all)) return 'said';
        return hasEnded ? 'ended' : undefined;
      },
      { timeoutMs: TIMEOUT_MS, what: `"${String(words)}"` },
    );
    if (said === 'ended') throw new Error(`It ended without saying ${String(words)}:\n${stdout}\n${stderr}`);
  };
  return {
    stdout: () => stdout,
    stderr: () => stderr,
    says,
    interrupt: () => void child.kill('SIGINT'),
    ended,
  };
}
