import { type Command, Option } from 'commander';
import { readSettings } from '../config/settings.js';
import { withService } from './attach.js';
import type { Client } from './client.js';
import { findFiles, type FoundFile } from './folder.js';
import { Ingest, type IngestOptions } from './ingest.js';
import { isComplete, printSummary, type Summary, summarize } from './ingest.summary.js';
import {
  type CommonOptions,
  excludeOption,
  includeOption,
  newServiceCommand,
  pair,
  whole,
} from './options.js';
import { newProgress } from './progress.js';
import type { Shell } from './shell.js';

interface Options extends CommonOptions {
  include: string[];
  exclude: string[];
  collection: string;
  metadata: IngestOptions['metadata'];
  prefix: string;
  concurrency: number;
  wait: boolean;
  timeout: number;
}

export function ingestCommand(shell: Shell): Command {
  return newServiceCommand(
    'ingest',
    'take the documents of a folder in; run again, it takes what is new or changed',
    [
      'ingest docs',
      "ingest docs --include '*.md' '*.rst' --exclude drafts --metadata product=widget year=2026",
      'ingest docs --url http://mainstay.internal:8000 --business acme --no-wait',
    ],
  )
    .argument('<folder>', 'where the documents are')
    .addOption(includeOption())
    .addOption(excludeOption())
    .option('--collection <name>', 'the collection they go into', 'documents')
    .addOption(
      new Option('--metadata <key=value...>', 'what to store with each document')
        .argParser(pair)
        .default({}, 'none'),
    )
    .addOption(
      new Option('--prefix <text>', 'stands before the path in each external_id, such as handbook/').default(
        '',
        'none',
      ),
    )
    .option('--concurrency <n>', 'how many are sent at a time', whole(1, 64), 4)
    .option('--no-wait', 'end when all are sent, before they can be found by their meaning')
    .option('--timeout <seconds>', 'how long to wait for that when all are sent', whole(1, 86_400), 3_600)
    .action((folder: string, options: Options) => ingest(shell, folder, options));
}

async function ingest(shell: Shell, folder: string, options: Options): Promise<void> {
  const { files } = await findFiles(folder, options);
  const summary = await withService(shell, options, (client) =>
    ingestFiles(shell, client, folder, files, options),
  );
  if (options.json === true) shell.out(JSON.stringify(summary));
  else printSummary(shell, summary, options.wait);
  if (!isComplete(summary, options.wait)) shell.exitCode = 1;
}

/** Takes the files in under a bar, and tells what became of them. @throws what ended it early, with its summary printed */
export async function ingestFiles(
  shell: Shell,
  client: Client,
  folder: string,
  files: readonly FoundFile[],
  options: Omit<Options, keyof CommonOptions | 'include' | 'exclude'> & { json?: boolean },
): Promise<Summary> {
  const startedMs = performance.now();
  const progress = newProgress(shell, files.length);
  client.onWait = (message) => progress.note(message);
  const timeoutMs = options.timeout * 1_000;
  const ingest = new Ingest(client, { ...options, timeoutMs, bytesMax: bytesMax(shell) }, (o) =>
    progress.ended(o),
  );
  const summary = (stopped: string | null) =>
    summarize(
      {
        folder,
        collection: options.collection,
        url: client.url,
        stopped,
        took_ms: Math.round(performance.now() - startedMs),
      },
      files.length,
      ingest.outcomes,
    );
  try {
    await ingest.run(files, shell.signal).finally(() => progress.stop());
    return summary(null);
  } catch (error) {
    const early = summary(error instanceof Error ? error.message : String(error));
    if (options.json === true) shell.out(JSON.stringify(early));
    else printSummary(shell, early, options.wait);
    throw error;
  }
}

/** The limit of this environment, whatever else is wrong with it: a service elsewhere does not depend on that. */
function bytesMax(shell: Shell): number {
  return readSettings({ DOCUMENT_BYTES_MAX: shell.env['DOCUMENT_BYTES_MAX'] }).DOCUMENT_BYTES_MAX;
}
