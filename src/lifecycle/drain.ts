import { Logger } from '@nestjs/common';
import type { Settings } from '../config/settings.js';
import { sleep } from '../kernel/abort.js';
import type { ServiceState } from '../kernel/service-state.js';
import { events } from '../telemetry/events.js';

/** The requests that are drained. */
export interface Requests {
  /** From now on each answer tells its client to go elsewhere. */
  closeConnections(): void;
  stopListening(): void;
  /** Resolves when no request is under way any more. */
  readonly done: Promise<void>;
}

// From a terminal Ctrl-C comes twice when npm stands in between: from the terminal and from npm. Only one that comes later is
// somebody who does not want to wait.
const ECHO_MS = 500;
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
// What a process that can no longer be trusted gives those who wait for it.
const CRASH_DRAIN_MS = 5_000;
/** The time after the drain in which what was cut short is told so and connections close. */
export const CLOSE_MS = 10_000;
// Of it, how long is waited for those who are told. They are told at once, and the last packet has to leave before the process.
const TELL_MS = 2_000;

/**
 * Ends the process so that nobody loses a request. Load balancers learn of a stop by readiness, some seconds late, so it
 * turns first and everything is still served for DRAIN_DELAY_MS, each answer with `Connection: close`. Then nothing new is
 * taken, what is under way has DRAIN_TIMEOUT_MS, what is not over then is told so, and the rest closes in reverse. A second
 * signal, or the time being over, ends it at once.
 */
export class Drain {
  private readonly logger = new Logger('Lifecycle');
  private startedMs: number | undefined;

  /** @param close closes everything else, in the reverse order of its opening */
  constructor(
    private readonly requests: Requests,
    private readonly close: () => Promise<void>,
    private readonly state: ServiceState,
    private readonly settings: Pick<Settings, 'DRAIN_DELAY_MS' | 'DRAIN_TIMEOUT_MS'>,
    private readonly exit: (code: number) => void = (code) => process.exit(code),
  ) {}

  /** Drains on SIGTERM and SIGINT, and after an error that nobody caught: then shortly, and with exit code 1. */
  listen(): void {
    for (const signal of SIGNALS) process.on(signal, () => this.signalled(signal));
    // A rejection that nobody handles comes here as well.
    process.on('uncaughtException', (error, origin) => this.crashed(error, origin));
  }

  signalled(signal: NodeJS.Signals): void {
    if (this.startedMs !== undefined) {
      if (performance.now() - this.startedMs > ECHO_MS) this.exit(1);
      return;
    }
    const { DRAIN_DELAY_MS: delayMs, DRAIN_TIMEOUT_MS: timeoutMs } = this.settings;
    this.logger.log(
      { event: events.drainStarted, signal },
      `${signal}: serving for ${delayMs} ms more, then finishing what is under way`,
    );
    void this.run(delayMs, timeoutMs, 0);
  }

  crashed(error: unknown, origin: string): void {
    this.logger.fatal({ event: events.processCrashed, origin, err: error }, `Ending the process: ${origin}`);
    if (this.startedMs !== undefined) this.exit(1);
    else void this.run(0, CRASH_DRAIN_MS, 1);
  }

  private async run(delayMs: number, timeoutMs: number, code: number): Promise<void> {
    this.startedMs = performance.now();
    this.expire(delayMs + timeoutMs + CLOSE_MS);
    const { requests, state } = this;
    try {
      state.stop();
      requests.closeConnections();
      await sleep(delayMs);
      requests.stopListening();
      await Promise.race([requests.done, sleep(timeoutMs)]);
      state.end();
      // The server is closed already: nobody else would wait for an answer that is still being written.
      await Promise.race([requests.done, sleep(TELL_MS)]);
      await this.close();
      const took_ms = Math.round(performance.now() - this.startedMs);
      this.logger.log({ event: events.drainEnded, took_ms }, `Stopped after ${took_ms} ms`);
      this.exit(code);
    } catch (error) {
      this.logger.error({ event: events.drainEnded, err: error }, 'Something did not close');
      this.exit(1);
    }
  }

  private expire(ms: number): void {
    setTimeout(() => {
      this.logger.error({ event: events.drainEnded }, `Not ended within ${ms} ms: ending now`);
      this.exit(1);
    }, ms).unref();
  }
}
