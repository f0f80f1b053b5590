import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { VERSION } from './config/identity.js';
import type { Settings } from './config/settings.js';
import { allowOrigins } from './http/cors.js';
import { limitRequests } from './http/deadline.js';
import { refuseLargeDocuments } from './http/load.guard.js';
import { describeApi, serveApiPage } from './http/openapi.js';
import { watchRequests } from './http/request.hooks.js';
import { newServer } from './http/server.js';
import { events } from './telemetry/events.js';
import { BootPlan } from './resilience/boot.plan.js';
import { ServiceLogger } from './telemetry/service.logger.js';
import { Database } from './platform/database/database.js';

/** The whole service, open and not yet listening. @throws OpeningFailed and whatever else ends a start */
export async function createApplication(settings: Settings): Promise<NestFastifyApplication> {
  const server = await newServer(settings);
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(settings), server, {
    bufferLogs: true,
    abortOnError: false,
    // Fastify reads JSON by itself; Nest's parsers would let forms in where JSON belongs.
    bodyParser: false,
  });
  allowOrigins(app, settings);
  watchRequests(server.getInstance(), app);
  refuseLargeDocuments(server.getInstance(), app);
  limitRequests(server.getInstance(), app);
  app.useLogger(app.get(ServiceLogger));
  app.flushLogs();
  const log = new Logger('Settings');
  for (const warning of settings.warnings) log.warn({ event: events.settingsWarning }, warning);
  serveApiPage(app, describeApi(app, VERSION));
  try {
    await app.init();
  } catch (error) {
    await app.close();
    throw error;
  }
  return app;
}

/** Listens where the settings say. @returns the URL that it serves at, as seen from this machine */
export async function listen(app: NestFastifyApplication, settings: Settings): Promise<string> {
  const startedMs = performance.now();
  await app.listen(settings.PORT, settings.host);
  const address = app.getHttpServer().address() as { port: number };
  const host = settings.host === '0.0.0.0' ? '127.0.0.1' : settings.host === '::' ? '[::1]' : settings.host;
  const url = `http://${host}:${address.port}`;
  await app.get(Database).serving(url);
  app.get(BootPlan).note('listen', url, performance.now() - startedMs);
  return url;
}
