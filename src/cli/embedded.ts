import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { readSettings, type Settings } from '../config/settings.js';
import type { Shell } from './shell.js';

export interface EmbeddedService {
  app: NestFastifyApplication;
  url: string;
}

// Nobody but the command that runs it needs to find it.
const HIDDEN = { HOST: '127.0.0.1', PORT: '0' };

/**
 * The settings of a service that runs inside a command: the environment's own, but it logs only warnings and what failed,
 * to standard error. The rest of the log is for who runs a service.
 * @param where it listens; by default to this machine alone, on a free port
 */
export function embeddedSettings(
  env: Shell['env'],
  where: { HOST?: string; PORT?: string } = HIDDEN,
): Settings {
  const level = env['LOG_LEVEL'];
  return readSettings({
    ...env,
    ...where,
    LOG_LEVEL: level === undefined || level === '' ? 'warn' : level,
    // The other format knows no way but standard output.
    LOG_FORMAT: 'json',
  });
}

/** The whole service, in this process and listening. Whoever asks for it closes it. */
export async function bootEmbedded(settings: Settings): Promise<EmbeddedService> {
  // Loading it takes longer than a command that attaches to a running service does as a whole.
  const { createApplication, listen } = await import('../application.js');
  const app = await createApplication(settings);
  try {
    return { app, url: await listen(app, settings) };
  } catch (error) {
    await app.close();
    throw error;
  }
}
