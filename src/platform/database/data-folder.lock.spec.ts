import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ExitCode } from '../../kernel/exit-code.js';
import { DataFolderInUse, DataFolderLock, type LockHolder } from './data-folder.lock.js';

// No process has it: the kernel gives out no pid so high.
const DEAD_PID = 2 ** 30;

describe('DataFolderLock', () => {
  let folder: string;
  let children: ChildProcess[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mainstay-lock-'));
    children = [];
  });
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    await rm(folder, { recursive: true });
  });

  const content = async () => JSON.parse(await readFile(join(folder, 'mainstay.lock'), 'utf8')) as LockHolder;
  const leave = (holder: Partial<LockHolder>) =>
    writeFile(
      join(folder, 'mainstay.lock'),
      JSON.stringify({ pid: DEAD_PID, host: hostname(), started: '1', token: 'stale', ...holder }),
    );
  const started = async (pid: number) => {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]!;
  };
  const until = async (file: string, wanted: string) => {
    for (let asked = 0; asked < 10_000; asked += 1)
      if ((await readFile(file, 'utf8')).includes(wanted)) return;
    throw new Error(`${file} never said ${wanted}`);
  };
  const run = (command: string) => {
    const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'ignore'] });
    children.push(child);
    return child;
  };

  it('refuses a folder that is in use, and says by whom and where he serves', async () => {
    const lock = await DataFolderLock.acquire(folder);
    const before = await DataFolderLock.acquire(folder).catch((error: unknown) => error);
    expect(before).toBeInstanceOf(DataFolderInUse);
    expect(before).toMatchObject({ exitCode: ExitCode.dataFolder, folder });
    expect((before as Error).message).toBe(
      `The data folder ${folder} is in use by process ${process.pid}. Stop that process, or give this one another DATA_DIR.`,
    );
    await lock.publish('http://127.0.0.1:8000');
    await expect(DataFolderLock.acquire(folder)).rejects.toThrow(
      `process ${process.pid}, which serves http://127.0.0.1:8000.`,
    );
    expect(await DataFolderLock.holder(folder)).toMatchObject({
      pid: process.pid,
      url: 'http://127.0.0.1:8000',
    });
  });

  it('is free again once it was released, and leaves nothing behind', async () => {
    const lock = await DataFolderLock.acquire(folder);
    await lock.publish('http://127.0.0.1:8000');
    await lock.release();
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
    expect(await DataFolderLock.holder(folder)).toBeUndefined();
    await expect(DataFolderLock.acquire(folder)).resolves.toBeInstanceOf(DataFolderLock);
  });

  it('does not release what is by now the lock of another', async () => {
    const lock = await DataFolderLock.acquire(folder);
    await leave({ token: 'theirs' });
    await lock.release();
    expect(await content()).toMatchObject({ token: 'theirs' });
  });

  it.each<[string, () => Promise<void>]>([
    ['a process that is dead', () => leave({ pid: DEAD_PID })],
    ['a process whose pid another one has by now', () => leave({ pid: process.pid, started: '1' })],
    ['a loss of power, empty', () => writeFile(join(folder, 'mainstay.lock'), '')],
    ['something else, which is not ours', () => writeFile(join(folder, 'mainstay.lock'), '{"pid":')],
    ['something else, which is not even an object', () => writeFile(join(folder, 'mainstay.lock'), 'null')],
  ])('takes over a lock that is left of %s', async (_what, left) => {
    await left();
    expect(await DataFolderLock.holder(folder)).toBeUndefined();
    await DataFolderLock.acquire(folder);
    expect(await content()).toMatchObject({ pid: process.pid, started: await started(process.pid) });
    expect(await readdir(folder)).toEqual(['mainstay.lock']);
  });

  it('takes over the lock of a process that was killed and that nobody cared for', async () => {
    // The shell becomes a sleep, which never asks after the child that the shell had.
    const parent = run('sleep 30 & echo $!; exec sleep 30');
    const zombie = Number(await new Promise<Buffer>((resolve) => parent.stdout.once('data', resolve)));
    await until(`/proc/${parent.pid}/comm`, 'sleep');
    process.kill(zombie, 'SIGKILL');
    await until(`/proc/${zombie}/stat`, ') Z ');
    await leave({ pid: zombie, started: await started(zombie) });
    await DataFolderLock.acquire(folder);
    expect(await content()).toMatchObject({ pid: process.pid });
  });

  it('leaves the lock of a living process alone, whoever started it', async () => {
    const other = run('exec sleep 30');
    await leave({ pid: other.pid!, started: await started(other.pid!) });
    await expect(DataFolderLock.acquire(folder)).rejects.toThrow(`process ${other.pid}.`);
    expect(await content()).toMatchObject({ token: 'stale' });
  });

  it('believes a lock of another machine, and says what to do when that is no more', async () => {
    await leave({ host: 'elsewhere' });
    const refusal = DataFolderLock.acquire(folder);
    await expect(refusal).rejects.toThrow(`process ${DEAD_PID} on elsewhere.`);
    await expect(refusal).rejects.toThrow(
      `If elsewhere is no more, delete ${join(folder, 'mainstay.lock')}.`,
    );
    expect(await DataFolderLock.holder(folder)).toMatchObject({ host: 'elsewhere' });
  });

  it.each([
    ['a new folder', 2, 20, async () => {}],
    ['a folder that a dead process left locked', 2, 20, () => leave({})],
    // With three and more, a late one can meet the lock of the winner where the stale one was.
    ['a folder that a dead process left locked', 12, 40, () => leave({})],
  ])(
    'lets exactly one have %s when %i want it at once, %i times over',
    async (_what, racers, times, before) => {
      for (let round = 0; round < times; round += 1) {
        await before();
        const results = await Promise.allSettled(
          Array.from({ length: racers }, async (_, i) => {
            for (let step = 0; step < i; step += 1) await new Promise((resolve) => setImmediate(resolve));
            return DataFolderLock.acquire(folder);
          }),
        );
        const won = results.filter((result) => result.status === 'fulfilled');
        expect(won).toHaveLength(1);
        for (const { reason } of results.filter((result) => result.status === 'rejected')) {
          expect(reason).toBeInstanceOf(DataFolderInUse);
        }
        await won[0]!.value.release();
        expect(await readdir(folder)).toEqual([]);
      }
    },
    20_000,
  );
});
