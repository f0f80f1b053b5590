import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { sleep } from '../../kernel/abort.js';
import { ExitCode } from '../../kernel/exit-code.js';

const FILE = 'mainstay.lock';
// Removing a dead process's lock takes a few milliseconds: whoever is at it longer is dead himself, on a machine unseen.
const REMOVAL_ASKED_MAX = 200;
const REMOVAL_ASKED_EVERY_MS = 10;

/** Who holds a data folder. `url` is where it serves, once it does. */
export interface LockHolder {
  pid: number;
  /** The host's name and the process's start time tell a live holder from another process with the same pid. */
  host: string;
  started: string;
  token: string;
  url?: string;
}

/** The data folder belongs to another process that is alive. */
export class DataFolderInUse extends Error {
  readonly exitCode = ExitCode.dataFolder;

  constructor(
    readonly folder: string,
    readonly holder: LockHolder,
  ) {
    const elsewhere = holder.host !== hostname();
    super(
      `The data folder ${folder} is in use by process ${holder.pid}${elsewhere ? ` on ${holder.host}` : ''}` +
        `${holder.url === undefined ? '' : `, which serves ${holder.url}`}. ` +
        'Stop that process, or give this one another DATA_DIR.' +
        (elsewhere ? ` If ${holder.host} is no more, delete ${join(folder, FILE)}.` : ''),
    );
    this.name = 'DataFolderInUse';
  }
}

/**
 * Keeps a second process off a data folder. The embedded engine has no lock of its own, and two processes on one folder
 * corrupt it without a word.
 */
export class DataFolderLock {
  private constructor(
    private readonly file: string,
    private holder: LockHolder,
  ) {}

  /** @throws DataFolderInUse when a living process holds the folder */
  static async acquire(folder: string): Promise<DataFolderLock> {
    const file = join(folder, FILE);
    const holder: LockHolder = {
      pid: process.pid,
      host: hostname(),
      started: (await look(process.pid))?.started ?? '',
      token: randomUUID(),
    };
    const other = await take(file, holder);
    if (other !== undefined) throw new DataFolderInUse(folder, other);
    return new DataFolderLock(file, holder);
  }

  /** Who holds the folder, if anybody who is alive does. */
  static async holder(folder: string): Promise<LockHolder | undefined> {
    const current = await read(join(folder, FILE));
    return typeof current === 'object' && (await isAlive(current)) ? current : undefined;
  }

  /** Writes down where this process serves, for a second one to say or to use. */
  async publish(url: string): Promise<void> {
    this.holder = { ...this.holder, url };
    const draft = `${this.file}.${randomUUID()}`;
    await writeFile(draft, JSON.stringify(this.holder));
    await rename(draft, this.file);
  }

  async release(): Promise<void> {
    if (tokenOf(await read(this.file)) === this.holder.token) await rm(this.file, { force: true });
  }
}

/** Makes the lock file ours. @returns its holder where that is a living process, undefined when it is ours */
async function take(file: string, holder: LockHolder): Promise<LockHolder | undefined> {
  for (let asked = 0; ;) {
    if (await create(file, holder)) return undefined;
    const current = await read(file);
    if (current === 'none') continue;
    if (current !== 'unreadable' && (await isAlive(current))) return current;
    // Of several that find it stale only one may remove it: a second one, late, would remove the lock of the first.
    const right = `${file}.${tokenOf(current)}`;
    const remover = await take(right, holder);
    if (remover === undefined) {
      if (tokenOf(await read(file)) === tokenOf(current)) await rm(file, { force: true });
      await rm(right, { force: true });
    } else {
      asked += 1;
      if (asked > REMOVAL_ASKED_MAX) return remover;
      await sleep(REMOVAL_ASKED_EVERY_MS);
    }
  }
}

/** Makes the lock file whole or not at all: a link appears with its content, or fails because one is there. */
async function create(file: string, holder: LockHolder): Promise<boolean> {
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify(holder));
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** `unreadable`: a file that is not ours, or that a loss of power left empty. Whoever is alive writes whole JSON. */
async function read(file: string): Promise<LockHolder | 'none' | 'unreadable'> {
  try {
    const content = JSON.parse(await readFile(file, 'utf8')) as LockHolder | null;
    return typeof content?.token === 'string' ? content : 'unreadable';
  } catch (error) {
    if (error instanceof SyntaxError) return 'unreadable';
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'none';
    throw error;
  }
}

function tokenOf(content: LockHolder | 'none' | 'unreadable'): string {
  return typeof content === 'object' ? content.token : content;
}

async function isAlive(holder: LockHolder): Promise<boolean> {
  // The folder is shared with another machine or container, whose processes we cannot see. Safe is to believe it.
  if (holder.host !== hostname()) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // Anything else means that it is there and somebody else's.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const seen = await look(holder.pid);
  if (seen === undefined) return true;
  // A zombie is dead, and keeps its pid until its parent cares: in a container without an init, for ever.
  return seen.state !== 'Z' && seen.started === holder.started;
}

/** What /proc says of a process: its state, and its start in clock ticks since the boot; undefined where it says nothing. */
async function look(pid: number): Promise<{ state: string; started: string } | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in brackets, which may hold spaces: the 22nd field is the 20th behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0]!, started: fields[19]! };
  } catch {
    return undefined;
  }
}
