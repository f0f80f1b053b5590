import { Presets, SingleBar } from 'cli-progress';
import type { Outcome } from './ingest.js';
import type { Shell } from './shell.js';

/** What is seen of an ingest while it runs. All of it goes to standard error. */
export interface Progress {
  ended(outcome: Outcome): void;
  note(message: string): void;
  stop(): void;
}

/** A bar where somebody looks on; lines, one a file, where it is a log. */
export function newProgress(shell: Shell, total: number): Progress {
  return process.stderr.isTTY ? newBar(total) : newLines(shell);
}

function newBar(total: number): Progress {
  const bar = new SingleBar(
    {
      format: '{bar} {value}/{total} {file}',
      stream: process.stderr,
      barsize: 30,
      hideCursor: true,
      // What is too long for the line is cut off instead of scrolling the terminal.
      linewrap: false,
      // An interruption is the command's affair.
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0, { file: '' });
  return {
    ended: ({ file }) => bar.increment({ file }),
    note: (message) => bar.update({ file: message }),
    stop: () => {
      bar.update({ file: '' });
      bar.stop();
    },
  };
}

function newLines(shell: Shell): Progress {
  return {
    ended: ({ outcome, file, reason }) =>
      shell.err(`${outcome.replace('_', ' ')} ${file}${reason === undefined ? '' : `: ${reason}`}`),
    note: (message) => shell.err(message),
    stop: () => {},
  };
}
