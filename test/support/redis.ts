import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './ports.ts';

// Runs under Jest and, for the fault kit, under plain Node: it imports no test function.

const START_TIMEOUT_MS = 10_000;

/** Why there can be no server here; undefined when there can. */
export const redisMissing =
  spawnSync('redis-server', ['--version']).error === undefined ? undefined : 'redis-server is not on PATH';

export interface RedisServerOptions {
  /** Default: a free one. */
  port?: number;
  /** Further options of redis-server, as on its command line: `['--maxmemory', '1mb']`. */
  args?: readonly string[];
  /** Lines of its configuration file, which a Sentinel must have and writes to. */
  config?: readonly string[];
  /** Where it keeps its files. Default: a temporary folder, which goes with the server. */
  dir?: string;
}

/** Starts a Redis server of one's own on loopback; it forgets all when it dies, unless its options say otherwise. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  if (redisMissing !== undefined) throw new Error(`No Redis: ${redisMissing}`);
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'mainstay-redis-')));
  if (options.config !== undefined) await writeFile(join(dir, CONFIG), `${options.config.join('\n')}\n`);
  const server = new RedisServer(
    { ...options, dir, port: options.port ?? (await freePort()) },
    options.dir === undefined,
  );
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

/** A Redis server, which can be hurt in all the ways that a server can. */
export class RedisServer {
  readonly dir: string;
  readonly port: number;
  private readonly args: readonly string[];
  private readonly ownsDir: boolean;
  private readonly guard: ChildProcess;
  private process: ChildProcess | undefined;

  constructor(options: RedisServerOptions & { dir: string; port: number }, ownsDir: boolean) {
    const { dir, port, args = [], config } = options;
    this.dir = dir;
    this.port = port;
    this.ownsDir = ownsDir;
    this.guard = watchOver(dir, ownsDir);
    this.args = [
      ...(config === undefined ? [] : [join(dir, CONFIG)]),
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      dir,
      '--pidfile',
      join(dir, PIDFILE),
      '--save',
      '',
      '--appendonly',
      'no',
      ...args,
    ];
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.process!.pid!;
  }

  /** Starts it on its own port, for the first time or again: what it forgot stays forgotten. @param args more of them */
  async start(args: readonly string[] = []): Promise<void> {
    await this.kill();
    const server = spawn('redis-server', [...this.args, ...args], {
      cwd: this.dir,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process = server;
    let said = '';
    server.stdout.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)));
    server.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)));
    const endsMs = performance.now() + START_TIMEOUT_MS;
    while (!(await accepts(this.port))) {
      if (hasEnded(server) || performance.now() > endsMs) throw new Error(`Redis did not start:\n${said}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** kill -9, as when the machine dies: nothing is written, every connection is cut. */
  async kill(): Promise<void> {
    const { process: server } = this;
    if (server === undefined || hasEnded(server)) return;
    const gone = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGKILL');
    await gone;
  }

  /** SIGSTOP: it hangs, and the kernel goes on to accept connections for it. */
  pause(): void {
    this.process!.kill('SIGSTOP');
  }

  resume(): void {
    this.process!.kill('SIGCONT');
  }

  /** Sends one command on a connection of its own. @returns what it replied, errors included: `-ERR …` */
  async command(...words: readonly (string | number)[]): Promise<string> {
    const socket = connect(this.port, '127.0.0.1');
    socket.setTimeout(2_000, () => socket.destroy(new Error('Redis did not answer')));
    try {
      await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
      socket.write([`*${words.length}`, ...words.map(bulk)].join('\r\n') + '\r\n');
      return await new Promise<string>((resolve, reject) => {
        let reply = '';
        socket.on('data', (chunk: Buffer) => {
          reply += chunk.toString();
          if (isWhole(reply))
            resolve(
              reply
                .replace(/^\$-1/, '(nil)')
                .replace(/^\$\d+\r\n/, '')
                .trimEnd(),
            );
        });
        socket.once('error', reject);
        socket.once('close', () => reject(new Error(`Redis closed the connection after: ${reply}`)));
      });
    } finally {
      socket.destroy();
    }
  }

  /** Ends the server and removes its temporary folder. */
  async stop(): Promise<void> {
    await this.kill();
    const gone = new Promise((resolve) => this.guard.once('exit', resolve));
    this.guard.stdin!.end();
    await gone;
    if (this.ownsDir) await rm(this.dir, { recursive: true, force: true });
  }
}

const PIDFILE = 'redis.pid';
const CONFIG = 'redis.conf';

/** Ends the server when this process ends, however it ends: a shell that waits for the other end of its input to close. */
function watchOver(dir: string, ownsDir: boolean): ChildProcess {
  const script = `
    trap '' INT TERM HUP
    read -r _
    pid=$(cat "$0/${PIDFILE}" 2>/dev/null)
    if [ -n "$pid" ] && grep -q redis-server "/proc/$pid/cmdline"; then kill -KILL "$pid"; fi 2>/dev/null
    ${ownsDir ? 'rm -rf "$0"' : 'rm -f "$0/' + PIDFILE + '"'}`;
  return spawn('sh', ['-c', script, dir], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
}

function bulk(word: string | number): string {
  const text = String(word);
  return `$${Buffer.byteLength(text)}\r\n${text}`;
}

/** Whether a reply of one value, or an array of such, has come to its end. */
function isWhole(reply: string): boolean {
  if (!reply.endsWith('\r\n')) return false;
  const [head, ...lines] = reply.split('\r\n');
  const length = Number(head!.slice(1));
  if (head!.startsWith('$')) {
    return length === -1 || Buffer.byteLength(reply) >= head!.length + 2 + length + 2;
  }
  return !head!.startsWith('*') || lines.filter((line) => !/^[$*]\d+$/.test(line)).length > length;
}
