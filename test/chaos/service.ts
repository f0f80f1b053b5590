import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { eventually } from '../support/eventually.js';
import type { Build } from './build.js';
import { Leaks } from './secrets.js';

const READY_TIMEOUT_MS = 40_000;

/** One line of its log that is about the service and not about a request. */
export interface LogLine {
  atMs: number;
  level: number;
  event: string | undefined;
  text: string;
}

/** The built service as a process of its own, with what it says. */
export class Service {
  readonly log: LogLine[] = [];
  #output = '';
  #rest = '';

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    readonly url: string,
    private readonly leaks: Leaks,
  ) {}

  /** @param preload a module that is loaded before the service, and may take something out of it */
  static async start(
    build: Build,
    env: Record<string, string>,
    { preload, leaks = new Leaks() }: { preload?: string | undefined; leaks?: Leaks } = {},
  ): Promise<Service> {
    const folder = mkdtempSync(join(build.folder, 'run-'));
    const imports = preload === undefined ? [] : ['--import', pathToFileURL(preload).href];
    const child = spawn(process.execPath, [...imports, join(build.folder, 'dist/main.js')], {
      cwd: folder,
      env: { PATH: process.env['PATH'], TMPDIR: folder, HOST: '127.0.0.1', PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const end = () => child.kill('SIGKILL');
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
    let said = '';
    const listen = (bytes: Buffer) => (said += bytes.toString());
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    const ready = /"url":"(http:[^"]+)","took_ms"/;
    const found = await eventually(
      () => ready.exec(said)?.[1] ?? (child.exitCode === null ? undefined : ('ended' as const)),
      { timeoutMs: READY_TIMEOUT_MS, what: 'The start of the service' },
    );
    if (found === 'ended') throw new Error(`The service did not start:\n${said}`);
    child.stdout.off('data', listen);
    child.stderr.off('data', listen);
    leaks.look('the log', said);
    const service = new Service(child, folder, found, leaks);
    child.stdout.on('data', (bytes: Buffer) => service.hear(bytes));
    child.stderr.on('data', (bytes: Buffer) => service.hear(bytes));
    return service;
  }

  /** The last that it said, for whoever wants to know what went wrong. */
  get output(): string {
    return this.#output;
  }

  /** Ends it at once: how it ends by itself is not what is looked at here. */
  async stop(): Promise<void> {
    const gone = new Promise<void>((resolve) => {
      if (this.child.exitCode !== null || this.child.signalCode !== null) resolve();
      else this.child.once('exit', () => resolve());
    });
    this.child.kill('SIGKILL');
    await gone;
    rmSync(this.folder, { recursive: true, force: true });
  }

  private hear(bytes: Buffer): void {
    this.#output = (this.#output + bytes.toString()).slice(-20_000);
    this.leaks.look('the log', this.#rest + bytes.toString());
    const lines = (this.#rest + bytes.toString()).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const facts = parsed(line);
      if (facts.event === 'request.answered') continue;
      this.log.push({
        atMs: performance.now(),
        level: facts.level ?? 50,
        event: facts.event,
        text: facts.msg ?? line,
      });
    }
  }
}

function parsed(line: string): { level?: number; event?: string; msg?: string } {
  try {
    return JSON.parse(line) as object;
  } catch {
    return {}; // not a line of the log: a stack trace of a process that died, say
  }
}
