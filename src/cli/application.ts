import type { INestApplicationContext } from '@nestjs/common';
import type { Settings } from '../config/settings.js';
import { embeddedSettings } from './embedded.js';
import type { Shell } from './shell.js';

/**
 * Does something with the service's own parts: open in this process, serving nothing and taking no jobs, beside the
 * processes that do.
 * @param overrides settings that this work needs
 */
export async function withApplication(
  shell: Shell,
  overrides: Record<string, string>,
  work: (app: INestApplicationContext, settings: Settings) => Promise<void>,
): Promise<void> {
  const settings = embeddedSettings({ ...shell.env, ...overrides, INGEST_CONCURRENCY: '0' });
  const { createApplication } = await import('../application.js');
  const app = await createApplication(settings);
  try {
    await work(app, settings);
  } finally {
    await app.close();
  }
}
