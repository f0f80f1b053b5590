import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.js';
import { programMissing, programPath } from './needs.js';
import { freePort } from './ports.js';

export const haproxyMissing = programMissing('haproxy');

/**
 * A load balancer before replicas, as small as can be: it asks each for its readiness and sends requests to those that are
 * ready, over connections that it keeps. It tries nothing again, so that every request that is lost shows.
 */
export class Balancer {
  private constructor(
    private readonly process: ChildProcess,
    private readonly folder: string,
    readonly url: string,
  ) {}

  /** @param ports where the replicas listen, on this machine */
  static async start(ports: readonly number[]): Promise<Balancer> {
    const folder = mkdtempSync(join(tmpdir(), 'mainstay-haproxy-'));
    const port = await freePort();
    const file = join(folder, 'haproxy.cfg');
    const servers = ports.map((replica, i) => `  server replica${i} 127.0.0.1:${replica}`);
    writeFileSync(
      file,
      `global
  maxconn 2000
  stats socket ${join(folder, 'stats')} level user
defaults
  mode http
  retries 0
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout check 2s
frontend service
  bind 127.0.0.1:${port}
  default_backend replicas
  # Which of them answered.
  http-response set-header X-Replica %s
backend replicas
  option httpchk GET /api/v1/health/readiness
  default-server check inter 250ms fall 2 rise 1
${servers.join('\n')}
`,
    );
    const process = spawn(programPath('haproxy')!, ['-f', file, '-db'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const url = `http://127.0.0.1:${port}`;
    await eventually(async () => (await fetch(`${url}/health`)).status === 200, {
      what: 'The start of HAProxy',
    });
    return new Balancer(process, folder, url);
  }

  /** Whether it sends requests to this replica. */
  async knows(replica: number): Promise<boolean> {
    const socket = connect(join(this.folder, 'stats'));
    socket.end('show stat\n');
    let table = '';
    for await (const chunk of socket.setEncoding('utf8')) table += chunk;
    return new RegExp(`^replicas,replica${replica},.*,UP,`, 'm').test(table);
  }

  async stop(): Promise<void> {
    const ended = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
