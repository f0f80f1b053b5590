// From the terminal a Ctrl-C comes twice when npm stands in between: once from the terminal and once from npm. Only one
// that comes later is the second thought of somebody who does not want to wait.
const ECHO_MS = 500;
// Closing takes a second. What hangs is not waited for.
const CLOSE_TIMEOUT_MS = 15_000;

/** Somebody ended the command: Ctrl-C, or a supervisor. */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super('Interrupted');
    this.name = 'Interrupted';
    this.exitCode = signal === 'SIGINT' ? 130 : 143;
  }
}

/** Aborts, with `Interrupted` as the reason, at SIGINT and SIGTERM. A second signal ends the process at once. */
export function interruption(): AbortSignal {
  const controller = new AbortController();
  let firstMs = 0;
  const onSignal = (signal: 'SIGINT' | 'SIGTERM') => {
    const interrupted = new Interrupted(signal);
    const end = () => process.exit(interrupted.exitCode);
    if (!controller.signal.aborted) {
      firstMs = performance.now();
      setTimeout(end, CLOSE_TIMEOUT_MS).unref();
      controller.abort(interrupted);
    } else if (performance.now() - firstMs > ECHO_MS) {
      end();
    }
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return controller.signal;
}
