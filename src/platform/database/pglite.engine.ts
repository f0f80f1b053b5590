import { cpSync, readFileSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { ExitCode } from '../../kernel/exit-code.js';
import { builtFile } from '../../kernel/built-file.js';

type Message = { at: 'open' } | { at: 'closed' } | { at: 'alive' } | { at: 'failed'; message: string };

// Generous: closing writes a checkpoint. After it the thread is ended; the folder is then recovered at the next start.
const CLOSE_TIMEOUT_MS = 5_000;

/** The embedded engine could not open its files. */
export class DataFolderDamaged extends Error {
  readonly exitCode = ExitCode.dataFolder;

  constructor(folder: string, message: string) {
    super(
      `The embedded database in ${folder} cannot be opened (${message}). Restore the folder from a backup, or move it away ` +
        'to start with an empty one and ingest the documents again.',
    );
    this.name = 'DataFolderDamaged';
  }
}

/** PGlite (PostgreSQL as WebAssembly) in a worker thread, reached through a unix socket. */
export class PgliteEngine {
  #running = true;
  #askedAtMs: number | undefined;

  private constructor(private readonly worker: Worker) {
    worker.on('message', (message: Message) => {
      if (message.at === 'alive') this.#askedAtMs = undefined;
    });
    worker.once('exit', () => {
      this.#running = false;
    });
    // Without a listener, an error that ends the thread would end the process too. Its statements fail, the check sees it.
    worker.on('error', () => {});
  }

  /**
   * @param folder the cluster's own folder; made if it is missing
   * @param socketFolder where the socket goes, under the name by which pg finds it
   * @throws DataFolderDamaged when the engine cannot open it; Error when it did not within the time that `signal` gives
   */
  static async start(folder: string, socketFolder: string, signal: AbortSignal): Promise<PgliteEngine> {
    const files = await filesOf(folder);
    if (files.length === 0) await create(folder, socketFolder, signal);
    // The engine would take it for an empty place and make a new cluster on top of what is left of the old one.
    else if (!files.includes('PG_VERSION')) throw new DataFolderDamaged(folder, 'PG_VERSION is missing');
    return PgliteEngine.open(folder, socketFolder, signal);
  }

  /** False once the thread has ended, however that came about. */
  get running(): boolean {
    return this.#running;
  }

  /** Asks the thread for a sign of life, which it gives between two statements. @returns how long it has owed one, in ms */
  silentMs(): number {
    if (this.#askedAtMs !== undefined) return performance.now() - this.#askedAtMs;
    this.#askedAtMs = performance.now();
    this.worker.postMessage('ping');
    return 0;
  }

  /** Ends the thread whatever it does. The folder is recovered at the next start, as after a crash. */
  async end(): Promise<void> {
    await this.worker.terminate();
  }

  private static async open(
    folder: string,
    socketFolder: string,
    signal: AbortSignal,
  ): Promise<PgliteEngine> {
    const socket = join(socketFolder, '.s.PGSQL.5432');
    await rm(socket, { force: true });
    const worker = new Worker(builtFile(import.meta.url, './pglite.worker.js'), {
      workerData: { folder, socket },
    });
    try {
      await said(worker, 'open', signal);
      return new PgliteEngine(worker);
    } catch (error) {
      await worker.terminate();
      if (signal.aborted) {
        throw new Error(
          `The embedded database in ${folder} did not open in time. STARTUP_TIMEOUT_MS gives it more`,
          { cause: error },
        );
      }
      throw new DataFolderDamaged(folder, error instanceof Error ? error.message : String(error));
    }
  }

  async stop(): Promise<void> {
    if (!this.#running) return;
    const closed = said(this.worker, 'closed', AbortSignal.timeout(CLOSE_TIMEOUT_MS));
    this.worker.postMessage('close');
    await closed.catch(() => {}); // ended by force, below
    await this.worker.terminate();
  }
}

/** Waits for the worker to say that it is so far. */
function said(worker: Worker, at: Message['at'], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      signal.removeEventListener('abort', onAbort);
      end();
    };
    const onMessage = (message: Message) => {
      if (message.at === at) settle(resolve);
      else if (message.at === 'failed') settle(() => reject(new Error(message.message)));
    };
    const onError = (error: Error) => settle(() => reject(error));
    const onExit = () => settle(() => reject(new Error('the engine ended before it was ready')));
    const onAbort = () => settle(() => reject(new Error('the engine gave no answer in time')));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** Makes a new cluster beside its place and moves it there whole: a start that is killed half-way leaves nothing behind. */
async function create(folder: string, socketFolder: string, signal: AbortSignal): Promise<void> {
  const draft = `${folder}.new`;
  await rm(draft, { recursive: true, force: true });
  const template = templateFolder();
  if ((await filesOf(template)).length > 0) {
    // Synchronous, in the one moment when nobody waits: a thousand files take 50 ms so, and 500 ms one promise at a time.
    cpSync(template, draft, { recursive: true });
  } else {
    const engine = await PgliteEngine['open'](draft, socketFolder, signal);
    await engine.stop();
  }
  await rename(draft, folder);
}

/** An empty cluster, made once by `npm run build`: copying it takes a tenth of the time that making one does. */
export function templateFolder(): string {
  const packages = builtFile(import.meta.url, '../../../node_modules/');
  const manifest = readFileSync(new URL('@electric-sql/pglite/package.json', packages), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  return fileURLToPath(new URL(`.cache/mainstay/pglite-${version}`, packages));
}

/** None where there is no such folder. */
async function filesOf(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}
