import { styleText } from 'node:util';

/** What a command has of its surroundings. */
export interface Shell {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal;
  /** A line of the result, to standard output. */
  out(line: string): void;
  /** A line about the result (progress, what is used, what is wrong), to standard error. */
  err(line: string): void;
  /** What the process ends with, unless the command throws. */
  exitCode: number;
}

/**
 * Takes standard output for the result alone. Whatever else writes there from now on, the log of a service that runs in
 * this process first of all, comes out at standard error: `--json` is JSON and nothing else.
 * (pino follows: it writes to `process.stdout` itself, and not to its descriptor, when its `write` has been replaced.)
 */
export function openShell(env: Shell['env'], signal: AbortSignal): Shell {
  const { stdout, stderr } = process;
  const write = stdout.write.bind(stdout);
  stdout.write = stderr.write.bind(stderr);
  // `… | head -1` reads no further. There is nobody to tell, and the command still has to close what it opened.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  return {
    env,
    signal,
    out: (line) => void write(`${line}\n`),
    err: (line) => void stderr.write(`${line}\n`),
    exitCode: 0,
  };
}

// The stream named decides: no colours into a file or a pipe, nor under NO_COLOR.
export const bold = (text: string) => styleText('bold', text, { stream: process.stdout });
export const dim = (text: string) => styleText('dim', text, { stream: process.stdout });
export const dimOnErr = (text: string) => styleText('dim', text, { stream: process.stderr });
