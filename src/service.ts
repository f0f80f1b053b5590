import { Logger } from '@nestjs/common';
import { createApplication, listen } from './application.js';
import { environment } from './config/environment.js';
import { readSettings } from './config/settings.js';
import { closeConnections } from './http/server.js';
import { drainOnSignals } from './lifecycle/drain.js';
import { explain } from './lifecycle/start-failure.js';
import { events } from './telemetry/events.js';

/** Starts the service and serves until it is told to stop; or ends the process, and says why. */
export async function serve(): Promise<void> {
  try {
    const settings = readSettings(environment());
    const app = await createApplication(settings);
    drainOnSignals(app, settings, () => closeConnections(app));
    const url = await listen(app, settings).catch(async (error: unknown) => {
      await app.close();
      throw error;
    });
    const tookMs = Math.round(process.uptime() * 1_000);
    const facts = { event: events.bootReady, url, took_ms: tookMs };
    new Logger('Lifecycle').log(facts, `Ready at ${url} after ${tookMs} ms`);
  } catch (error) {
    const { exitCode, message } = explain(error);
    process.stderr.write(`Mainstay did not start: ${message}\n`);
    if (exitCode === 1 && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    process.exit(exitCode);
  }
}
