import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PgliteEngine, templateFolder } from './pglite.engine.js';

// A part of `npm run build`: makes the empty cluster that a new data folder is copied from.
const template = templateFolder();
const exists = await stat(template).then(
  () => true,
  () => false,
);
if (!exists) {
  await mkdir(dirname(template), { recursive: true });
  const socketFolder = await mkdtemp(join(tmpdir(), 'mainstay-'));
  const draft = `${template}.${process.pid}`;
  const engine = await PgliteEngine.start(draft, socketFolder, AbortSignal.timeout(120_000));
  await engine.stop();
  // The engine makes some of its files for their owner alone; who runs the service need not be who installed it.
  for (const entry of await readdir(draft, { recursive: true, withFileTypes: true }))
    await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
  await rename(draft, template);
  await rm(socketFolder, { recursive: true, force: true });
}
