import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';

// Runs in a thread of its own: a long statement would otherwise hold up the event loop, and with it the health checks.
// More than one connection only while a broken one is being replaced: the pool in front of it holds one.
const CONNECTIONS_MAX = 4;

const { folder, socket } = workerData as { folder: string; socket: string };

try {
  const db = await PGlite.create({ dataDir: folder, extensions: { vector } });
  const execute = db.execProtocolRawStream.bind(db);
  db.execProtocolRawStream = (message, options) =>
    execute(message, options).catch((error: unknown) => {
      // The engine itself broke (a failed statement is answered, not thrown), and its server would wait for it for ever: the
      // thread ends, and is started again by the next check.
      setImmediate(() => process.exit(1));
      throw error;
    });
  const server = new PGLiteSocketServer({ db, path: socket, maxConnections: CONNECTIONS_MAX });
  await server.start();
  parentPort!.on('message', (message: 'close' | 'ping') => {
    if (message === 'ping') {
      parentPort!.postMessage({ at: 'alive' });
      return;
    }
    void server
      .stop()
      .then(() => db.close())
      .then(() => parentPort!.postMessage({ at: 'closed' }))
      .then(() => parentPort!.close());
  });
  parentPort!.postMessage({ at: 'open' });
} catch (error) {
  parentPort!.postMessage({ at: 'failed', message: error instanceof Error ? error.message : String(error) });
  parentPort!.close();
}
