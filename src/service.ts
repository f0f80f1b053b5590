import { Logger } from '@nestjs/common';
import { createApplication, listen } from './application.js';
import { environment } from './config/environment.js';
import { readSettings } from './config/settings.js';
import { MaintenanceSwitch } from './health/maintenance.js';
import { OpenRequests } from './http/open-requests.js';
import { ServiceState } from './kernel/service-state.js';
import { Drain } from './lifecycle/drain.js';
import { explain } from './lifecycle/start-failure.js';
import { BootPlan } from './resilience/boot.plan.js';
import { events } from './telemetry/events.js';

/** Starts the service and serves until it is told to stop; or ends the process, and says why. */
export async function serve(): Promise<void> {
  try {
    sayWarnings();
    const settings = readSettings(environment());
    const app = await createApplication(settings);
    const requests = new OpenRequests(app.getHttpServer());
    new Drain(requests, () => app.close(), app.get(ServiceState), settings).listen();
    // Started by another process that stands for this one (own-node.ts): when it is killed, so is this.
    process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
    process.on('SIGUSR2', () => app.get(MaintenanceSwitch).toggle());
    const url = await listen(app, settings).catch(async (error: unknown) => {
      await app.close();
      throw error;
    });
    const tookMs = Math.round(process.uptime() * 1_000);
    const ready = app.get(BootPlan).complete;
    const facts = { event: ready ? events.bootReady : events.bootListening, url, took_ms: tookMs };
    const text = ready ? 'Ready' : 'Not ready yet, and listening';
    new Logger('Lifecycle').log(facts, `${text} at ${url} after ${tookMs} ms`);
  } catch (error) {
    const { exitCode, message } = explain(error);
    process.stderr.write(`Mainstay did not start: ${message}\n`);
    if (exitCode === 1 && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    process.exit(exitCode);
  }
}

/** What the runtime and the packages warn of goes where everything else is said. */
function sayWarnings(): void {
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) =>
    new Logger('Process').warn({ event: events.processWarning, name }, message),
  );
}
