import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Settings } from '../config/settings.js';
import { events } from '../telemetry/events.js';

// From a terminal Ctrl-C comes twice when npm stands in between: from the terminal and from npm. Only one that comes later is
// somebody who does not want to wait.
const ECHO_MS = 500;
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Ends the process well on SIGTERM and SIGINT: readiness turns, requests under way are answered, jobs are handed back,
 * connections close in the reverse order of their opening, and the exit code is 0. A second signal, or DRAIN_TIMEOUT_MS,
 * ends it at once.
 */
export function drainOnSignals(
  app: NestFastifyApplication,
  settings: Settings,
  closeConnections: () => void,
): void {
  const logger = new Logger('Lifecycle');
  let startedMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (startedMs !== undefined) {
      if (performance.now() - startedMs > ECHO_MS) process.exit(1);
      return;
    }
    startedMs = performance.now();
    logger.log({ event: events.drainStarted, signal }, `${signal}: finishing what is under way`);
    closeConnections();
    setTimeout(() => {
      logger.error(
        { event: events.drainEnded },
        `Not ended within ${settings.DRAIN_TIMEOUT_MS} ms: ending now`,
      );
      process.exit(1);
    }, settings.DRAIN_TIMEOUT_MS).unref();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  app.enableShutdownHooks([...SIGNALS], { useProcessExit: true });
}
