import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApplication, listen } from '../../src/application.js';
import { readSettings } from '../../src/config/settings.js';
import { eventually } from './eventually.js';
import { temporaryFolder } from './folder.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
// On a loaded machine with two cores; a start takes about a second on a quiet one.
const READY_TIMEOUT_MS = 30_000;

/** What came back over HTTP. `body` is the parsed JSON, or the text where it is none. */
export interface Reply<T = any> {
  status: number;
  headers: Headers;
  body: T;
}

export type Api = <T = any>(
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Reply<T>>;

export interface Booted {
  url: string;
  app: NestFastifyApplication;
  api: Api;
  /** Ends the service, and removes its data folder unless the caller named one. */
  close(): Promise<void>;
}

/** The real service in this process: on its own port of this machine, with a data folder of its own. */
export async function boot(overrides: Record<string, string> = {}): Promise<Booted> {
  const folder = await temporaryFolder();
  const settings = readSettings({
    HOST: '127.0.0.1',
    PORT: '0',
    LOG_LEVEL: 'fatal',
    // Two at once would want the same port.
    PROMETHEUS_ENABLED: 'false',
    DATA_DIR: folder.path,
    ...overrides,
  });
  try {
    const app = await createApplication(settings);
    const url = await listen(app, settings);
    return {
      url,
      app,
      api: apiOf(url),
      close: async () => {
        await app.close();
        await folder.remove();
      },
    };
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

export interface Child {
  pid: number;
  stdout(): string;
  stderr(): string;
  /** @returns the URL that it serves at, once it does. @throws Error with what it said when it ends before that */
  ready(): Promise<string>;
  /** Calls it where it serves. */
  api: Api;
  kill(signal: NodeJS.Signals): void;
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/**
 * The built service as a process of its own, which can be killed. Its environment is `env` and nothing else but PATH, and
 * the folder that it runs in is empty: no `.env` of the developer's gets in.
 */
export function bootChild(env: Record<string, string>): Child {
  const cwd = mkdtempSync(join(tmpdir(), 'mainstay-child-'));
  const child = spawn(process.execPath, ['--enable-source-maps', `${ROOT}dist/main.js`], {
    cwd,
    // What a killed one leaves in the folder for temporary files goes with its own.
    env: {
      PATH: process.env.PATH,
      TMPDIR: cwd,
      HOST: '127.0.0.1',
      PORT: '0',
      DRAIN_DELAY_MS: '0',
      PROMETHEUS_ENABLED: 'false',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  let ended = false;
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => {
      ended = true;
      rmSync(cwd, { recursive: true, force: true });
      resolve({ code, signal });
    });
  });
  const ready = async () => {
    const url = await eventually(
      () => (ended ? ('ended' as const) : /"url":"(http:[^"]+)","took_ms"/.exec(stdout)?.[1]),
      { timeoutMs: READY_TIMEOUT_MS, what: 'The start of the service' },
    );
    if (url === 'ended') throw new Error(`The service ended before it was ready:\n${stderr}\n${stdout}`);
    return url;
  };
  return {
    pid: child.pid!,
    stdout: () => stdout,
    stderr: () => stderr,
    ready,
    api: async (...call) => apiOf(await ready())(...call) as never,
    kill: (signal) => void child.kill(signal),
    exited,
  };
}

function apiOf(url: string): Api {
  return async (method, path, body, headers = {}) => {
    const raw = body instanceof FormData || typeof body === 'string' || body instanceof Uint8Array;
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...(body !== undefined && !raw && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && {
        body: raw ? (body as string | FormData | Uint8Array<ArrayBuffer>) : JSON.stringify(body),
      }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parsed(text) as never };
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
