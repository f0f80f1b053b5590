import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
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
  await rename(draft, template);
  await rm(socketFolder, { recursive: true, force: true });
}
