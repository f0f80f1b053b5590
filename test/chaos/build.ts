import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The built service, kept apart: it stays the same during a run although somebody builds meanwhile. */
export interface Build {
  folder: string;
  remove(): Promise<void>;
}

export async function copyBuild(): Promise<Build> {
  const folder = await mkdtemp(join(tmpdir(), 'mainstay-chaos-'));
  for (const part of ['dist', 'migrations', 'package.json'])
    await cp(join(ROOT, part), join(folder, part), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}
