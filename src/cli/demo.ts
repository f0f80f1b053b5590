import { once } from 'node:events';
import { createServer } from 'node:net';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { environment } from '../config/environment.js';
import { attachToHolder, newClient, present, servingHolder } from './attach.js';
import type { Client } from './client.js';
import { bootEmbedded, embeddedSettings } from './embedded.js';
import { CommandError } from './failure.js';
import { findFiles, INCLUDE_DEFAULT } from './folder.js';
import { ingestFiles } from './ingest.command.js';
import { answerLines } from './passages.js';
import { runCommand } from './run.js';
import { bold, dim, type Shell } from './shell.js';

// A manual that is on every machine where this runs: that of the HTTP server.
const MANUAL = fileURLToPath(new URL('./docs', import.meta.resolve('fastify')));
const METADATA = { manual: 'fastify' };

// Chosen because the manual answers them in so many words: without a model, an answer is a quotation.
const QUESTIONS = [
  'Does Fastify v5 support Node.js 18?',
  'Can I set the log level per route?',
  'What does the server do with new incoming requests while it is closing?',
];

interface Demo {
  client: Client;
  /** Whether the service runs in this process, and ends with it. */
  own: boolean;
  close: () => Promise<void>;
}

await runCommand(environment(), (shell) =>
  new Command('npm run demo --')
    .description('Starts the service, takes a manual in, asks it three questions, and goes on serving.')
    .option('--once', 'end after the answers')
    .allowExcessArguments(false)
    .action((options: { once?: boolean }) => demo(shell, options.once === true)),
);

async function demo(shell: Shell, isOnce: boolean): Promise<void> {
  const { client, own, close } = await open(shell);
  try {
    await takeManualIn(shell, client);
    for (const question of QUESTIONS) await ask(shell, client, question);
    sayHowToGoOn(shell, client);
    if (isOnce) return;
    if (own) await serve(shell);
    else shell.out('\nThe service goes on without this demo.');
  } finally {
    await close();
  }
}

/** The service that holds the data folder, or a new one where the settings say. */
async function open(shell: Shell): Promise<Demo> {
  const settings = embeddedSettings(shell.env, {});
  const holder = await servingHolder(settings, shell.signal);
  if (holder !== undefined) {
    const client = await attachToHolder(shell, {}, settings, holder);
    shell.out(`${bold('Mainstay')} runs already at ${client.url}, in process ${holder.pid}: it is used`);
    return { client, own: false, close: async () => {} };
  }
  const startedMs = performance.now();
  const free = await isFree(settings.PORT, settings.host);
  if (!free) shell.out(`Port ${settings.PORT} is in use: taking a free one (PORT names another)`);
  const { app, url } = await bootEmbedded(free ? settings : embeddedSettings(shell.env, { PORT: '0' }));
  const tookS = ((performance.now() - startedMs) / 1_000).toFixed(1);
  shell.out(
    `${bold('Mainstay')} serves ${url} after ${tookS} s, on nothing but this process and ${settings.DATA_DIR}`,
  );
  return { client: newClient(shell, {}, url), own: true, close: () => app.close() };
}

/** Asked before the service is opened, which takes longer than finding out. */
async function isFree(port: number, host: string): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  } finally {
    server.close();
  }
}

async function takeManualIn(shell: Shell, client: Client): Promise<void> {
  const { files } = await findFiles(MANUAL, { include: INCLUDE_DEFAULT, exclude: [] });
  const { counts, chunks, took_ms } = await ingestFiles(shell, client, MANUAL, files, {
    collection: 'documents',
    metadata: METADATA,
    prefix: 'fastify/',
    concurrency: 4,
    wait: true,
    timeout: 600,
  });
  const complete = counts.taken + counts.unchanged;
  if (complete < counts.files) {
    throw new CommandError(
      `${counts.files - complete} of ${counts.files} documents were not taken: run \`npm run cli -- ingest ${MANUAL}\` for the reasons`,
    );
  }
  shell.out(
    counts.taken === 0
      ? `The manual is still there from an earlier start: ${counts.unchanged} documents, ${chunks} chunks`
      : `The manual is in: ${complete} documents of ${relative(process.cwd(), MANUAL)}, ${chunks} chunks, ${(took_ms / 1_000).toFixed(1)} s` +
          (counts.unchanged === 0 ? '' : ` (${counts.unchanged} were there already)`),
  );
}

async function ask(shell: Shell, client: Client, question: string): Promise<void> {
  const answer = await client.ask(question, { filter: METADATA }, shell.signal);
  shell.out(`\n${bold(`Q  ${question}`)}\n`);
  const places = await client.placesOf(answer, shell.signal);
  for (const line of answerLines(answer, places)) shell.out(line === '' ? '' : `   ${line}`);
}

function sayHowToGoOn(shell: Shell, client: Client): void {
  const hasToken = present(shell.env['MAINSTAY_TOKEN']) !== undefined;
  const token = hasToken ? ' -H "authorization: Bearer $MAINSTAY_TOKEN"' : '';
  shell.out(`\n${bold('The API, to read and to try out')}  ${client.url}/api/docs`);
  shell.out(bold('Ask more'));
  shell.out(`  curl -s ${client.url}/api/v1/answers${token} -H 'content-type: application/json' \\`);
  shell.out(`    -d '{"question": "Is logging enabled by default?"}'`);
  shell.out(`  npm run cli -- ask "Is logging enabled by default?"`);
  shell.out(dim(`  npm run cli -- --help    your own documents: npm run cli -- ingest <folder>`));
}

/** Until somebody ends it, which is no fault. */
async function serve(shell: Shell): Promise<void> {
  shell.out('\nServing until Ctrl-C.');
  if (!shell.signal.aborted) await once(shell.signal, 'abort');
  shell.out('Finishing what is under way …');
}
