import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  readdirSync,
  readFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import pg from 'pg';
import { eventually } from './eventually.js';
import { freePort } from './ports.ts';

const START_TIMEOUT_MS = 20_000;

/** Time limits for where they are not what is tested: beside other tests a first connection may take a second. */
export const UNHURRIED = { DB_STATEMENT_TIMEOUT_MS: 30_000, DB_ACQUIRE_TIMEOUT_MS: 10_000 };

const PROGRAMS = ['initdb', 'postgres', 'pg_basebackup', 'psql'];

/** Where `initdb` and `postgres` are installed: on PATH, or where Debian keeps them. */
const binaries = [
  ...(process.env.PATH ?? '').split(delimiter),
  ...namesIn('/usr/lib/postgresql')
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => `/usr/lib/postgresql/${version}/bin`),
].find((folder) => PROGRAMS.every((program) => isExecutable(join(folder, program))));

/** PostgreSQL refuses to run as root: then it runs as somebody else. */
const owner = process.getuid?.() === 0 ? (userNamed('postgres') ?? userNamed('nobody')) : undefined;

/** Why there can be no server here; undefined when there can. */
export const postgresMissing =
  binaries === undefined
    ? `${PROGRAMS.join(', ')} are neither on PATH nor in /usr/lib/postgresql/*/bin`
    : undefined;

/** Whether the server that is installed here has an extension, such as `vector`. */
export function hasExtension(name: string): boolean {
  if (binaries === undefined || !isExecutable(join(binaries, 'pg_config'))) return false;
  const shared = execFileSync(join(binaries, 'pg_config'), ['--sharedir'], { encoding: 'utf8' }).trim();
  return namesIn(join(shared, 'extension')).includes(`${name}.control`);
}

/** A PostgreSQL server of one's own, in a temporary folder, which can be hurt in all the ways that a server can. */
export class PostgresServer {
  private process: ChildProcess | undefined;
  private databases = 0;

  private constructor(
    private readonly folder: string,
    readonly port: number,
    private readonly guard: ChildProcess,
  ) {}

  static start(): Promise<PostgresServer> {
    return PostgresServer.startFrom((folder) =>
      run('initdb', folder, [
        '-D',
        join(folder, 'data'),
        '-U',
        'postgres',
        '--auth=trust',
        '--no-sync',
        '--encoding=UTF8',
        `--locale=${LOCALE}`,
      ]),
    );
  }

  /** A server that follows this one, as a streaming standby. */
  standby(): Promise<PostgresServer> {
    const { host, port, username } = new URL(this.url);
    const from = ['-h', host.split(':')[0]!, '-p', port, '-U', username];
    return PostgresServer.startFrom((folder) =>
      run('pg_basebackup', folder, [
        '-D',
        join(folder, 'data'),
        ...from,
        '--write-recovery-conf',
        '--checkpoint=fast',
        '--no-sync',
      ]),
    );
  }

  private static async startFrom(fill: (folder: string) => void): Promise<PostgresServer> {
    if (binaries === undefined) throw new Error(`No PostgreSQL: ${postgresMissing}`);
    const folder = await mkdtemp(join(tmpdir(), 'mainstay-postgres-'));
    if (owner !== undefined) chownSync(folder, owner.uid, owner.gid);
    fill(folder);
    const server = new PostgresServer(folder, await freePort(), watchOver(folder));
    try {
      await server.run();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  get dataFolder(): string {
    return join(this.folder, 'data');
  }

  get pid(): number {
    return this.process!.pid!;
  }

  /** The server's own first database. */
  get url(): string {
    return this.urlOf('postgres');
  }

  /** A new, empty database: what one suite leaves behind is then in no other's way. */
  async newDatabase(): Promise<string> {
    this.databases += 1;
    const name = `db_${this.databases}`;
    await this.query(`create database ${name}`);
    return this.urlOf(name);
  }

  /** Runs one statement on a connection of its own. */
  async query<Row>(sql: string, url = this.url): Promise<Row[]> {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query(sql)).rows as Row[];
    } finally {
      await client.end();
    }
  }

  /** Runs one statement while this process does nothing else, so that it learns of what that did only afterwards. */
  now(sql: string): void {
    run('psql', this.folder, ['--no-psqlrc', '--quiet', '-c', sql, this.url]);
  }

  /** Sets a parameter of the server, for new statements on all connections. */
  async set(name: string, value: string): Promise<void> {
    await this.query(`alter system set ${name} = '${value}'`);
    await this.query('select pg_reload_conf()');
    await eventually(
      async () => (await this.query<Record<string, string>>(`show ${name}`))[0]![name] === value,
    );
  }

  /** From now on it speaks TLS to whoever wants it, with this key and certificate (files). */
  async withTls(key: string, certificate: string): Promise<void> {
    for (const [name, file] of [
      ['server.key', key],
      ['server.crt', certificate],
    ] as const) {
      const copy = join(this.dataFolder, name);
      copyFileSync(file, copy);
      if (owner !== undefined) chownSync(copy, owner.uid, owner.gid);
      chmodSync(copy, 0o600);
    }
    await this.set('ssl', 'on');
  }

  /** kill -9 of the server with all of its connections, as when the machine dies. */
  async kill(): Promise<void> {
    const { process: postmaster } = this;
    if (postmaster === undefined || postmaster.exitCode !== null || postmaster.signalCode !== null) return;
    const gone = ended(postmaster);
    this.pause();
    for (const pid of [this.pid, ...childrenOf(this.pid)]) signal(pid, 'SIGKILL');
    await gone;
    // Where nobody reaps the orphans, the pids in these files go on to exist, and the server would not start again.
    await rm(join(this.folder, 'data', 'postmaster.pid'), { force: true });
    await rm(join(this.folder, `.s.PGSQL.${this.port}`), { force: true });
    await rm(join(this.folder, `.s.PGSQL.${this.port}.lock`), { force: true });
  }

  /** SIGSTOP of the server with all of its connections: it hangs, and the kernel goes on to accept connections for it. */
  pause(): void {
    // First the one that makes the others: none is born unseen.
    signal(this.pid, 'SIGSTOP');
    for (const pid of childrenOf(this.pid)) signal(pid, 'SIGSTOP');
  }

  resume(): void {
    for (const pid of [...childrenOf(this.pid), this.pid]) signal(pid, 'SIGCONT');
  }

  /** Makes a standby a server of its own, which may be written to. */
  async promote(): Promise<void> {
    await this.query('select pg_promote(true, 10)');
  }

  /** Starts it again on its own port, after `kill` or instead of what runs. */
  async restart(): Promise<void> {
    await this.kill();
    await this.run();
  }

  /** Ends the server and removes all of it. */
  async stop(): Promise<void> {
    await this.kill();
    const gone = ended(this.guard);
    this.guard.stdin!.end();
    await gone;
  }

  private urlOf(database: string): string {
    return `postgres://postgres@127.0.0.1:${this.port}/${database}`;
  }

  private async run(): Promise<void> {
    const server = spawn(
      join(binaries!, 'postgres'),
      // Without fsync a loss of power would lose data; the death of a process does not.
      [
        '-D',
        join(this.folder, 'data'),
        '-p',
        String(this.port),
        '-k',
        this.folder,
        '-h',
        '127.0.0.1',
        '-F',
        '-N',
        '60',
      ],
      { ...owner, cwd: this.folder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.process = server;
    let log = '';
    server.stderr.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-4_000);
    });
    await eventually(
      async () => {
        if (server.exitCode !== null) return 'ended' as const;
        await this.query('select 1');
        return 'ready' as const;
      },
      { timeoutMs: START_TIMEOUT_MS, what: 'The start of PostgreSQL' },
    ).then((state) => {
      if (state === 'ended') throw new Error(`PostgreSQL did not start:\n${log}`);
    });
  }
}

function run(program: string, folder: string, options: string[]): void {
  execFileSync(join(binaries!, program), options, {
    ...owner,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

/** Sends a signal to a process that may be gone by now. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

// Debian's C.UTF-8 is what the embedded engine has; elsewhere the plain C sorts the same.
const LOCALE = process.platform === 'linux' ? 'C.UTF-8' : 'C';

/**
 * Ends the server and removes its folder when this process ends, however it ends: a shell that waits for the other end of
 * its input to close.
 */
function watchOver(folder: string): ChildProcess {
  const script = `
    trap '' INT TERM HUP
    read -r _
    pid=$(head -n 1 "$0/data/postmaster.pid" 2>/dev/null)
    if [ -n "$pid" ]; then pkill -KILL -P "$pid"; kill -KILL "$pid"; fi 2>/dev/null
    rm -rf "$0"`;
  return spawn('sh', ['-c', script, folder], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

function childrenOf(parent: number): number[] {
  return namesIn('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
      } catch {
        return false; // gone in the meantime
      }
    })
    .map(Number);
}

function userNamed(name: string): { uid: number; gid: number } | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  if (line === undefined) return undefined;
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
