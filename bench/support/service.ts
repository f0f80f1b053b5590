import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApplication } from '#service/application.js';
import { readSettings } from '#service/config/settings.js';
import type { Submission } from '#service/features/knowledge/document.writer.js';
import { Documents } from '#service/features/knowledge/documents.service.js';

/** The built service in this process, on a data folder of its own that goes with it. */
export async function service(env: Record<string, string> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'mainstay-bench-'));
  const settings = readSettings({ DATA_DIR: folder, LOG_LEVEL: 'error', ...env });
  const app = await createApplication(settings);
  return {
    app,
    folder,
    settings,
    async close() {
      await app.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export type Service = Awaited<ReturnType<typeof service>>;

/** Ingests documents and waits until every one of them is in the index. @returns how long that took, and how many chunks */
export async function ingest({ app }: Service, submissions: Iterable<Submission>, business = 'bench') {
  const documents = app.get(Documents);
  const startedMs = performance.now();
  for (const submission of submissions) await documents.accept(business, submission);
  const acceptedMs = performance.now() - startedMs;
  for (;;) {
    const [queued, processing] = await Promise.all(
      (['queued', 'processing'] as const).map((status) => documents.list(business, { status, limit: 1 })),
    );
    if (queued!.length + processing!.length === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const tookMs = performance.now() - startedMs;
  const failed = await documents.list(business, { status: 'failed', limit: 1 });
  if (failed.length > 0)
    throw new Error(`A document failed: ${failed[0]!.title}: ${failed[0]!.error_message}`);
  return { acceptedMs, tookMs };
}
