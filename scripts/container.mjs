// Builds the image of ops/docker/Dockerfile and runs it, for real and without a Docker engine: with buildah, podman and runc
// of Debian, as root. Where no image of Node can be pulled, a base is made of Debian's packages and this Node.
//   --base IMAGE   takes this image as the base instead of making one
// Without these programs, or without root, it says so and does nothing; with CI set that is a failure.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';

const TOOLS = ['buildah', 'podman', 'runc', 'mmdebstrap'];
const BASE = 'localhost/mainstay-node';
const IMAGE = 'localhost/mainstay';
const PODMAN = ['--runtime', 'runc', '--cgroup-manager', 'cgroupfs', '--storage-driver', 'vfs'];
const READY_TIMEOUT_MS = 60_000;
const DRAIN_DELAY_MS = 1_500;

const { values: options } = parseArgs({ options: { base: { type: 'string' } } });
const missing = [
  ...TOOLS.filter(
    (tool) =>
      spawnSync('which', [tool], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } })
        .status !== 0,
  ),
  ...(process.getuid() === 0 ? [] : ['root']),
];
if (missing.length > 0) {
  console.error(`NOT RUN: the container, without ${missing.join(', ')}`);
  process.exit(process.env.CI ? 1 : 0);
}

if (spawnSync('docker-compose', ['--version']).status === 0) {
  const { status, stderr } = spawnSync('docker-compose', ['-f', 'docker-compose.yml', 'config', '--quiet']);
  if (status !== 0) {
    console.error(`✗ docker-compose.yml is well-formed: it is not\n${stderr.toString()}`);
    process.exit(1);
  }
  console.log('✓ docker-compose.yml is well-formed');
}

const folder = mkdtempSync(join(tmpdir(), 'mainstay-container-'));
const data = join(folder, 'data');
const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
let container;
let passed = 0;
try {
  const base = options.base ?? makeBase();
  step('the image is built', () =>
    buildah(
      'bud',
      '--isolation',
      'chroot',
      '--pull-never',
      '--format',
      'docker',
      '--build-arg',
      `NODE_IMAGE=${base}`,
      '-t',
      IMAGE,
      '-f',
      'ops/docker/Dockerfile',
      '.',
    ),
  );
  const [{ Config: config, Healthcheck: health }] = JSON.parse(podman('image', 'inspect', IMAGE));
  check('it runs as nobody of importance', config.User === '1000:1000');
  check('it is stopped by SIGTERM', config.StopSignal === 'SIGTERM' || config.StopSignal === '15');
  check(
    'its health is its liveness, after a start of 30 s at least',
    health.StartPeriod >= 30e9 && health.Test.join(' ').includes('/health'),
  );
  check(
    'no development dependency is in it',
    podman('run', '--rm', ...limits(), '--entrypoint', 'ls', IMAGE, 'node_modules')
      .split('\n')
      .every((name) => !['jest', 'typescript', '@nestjs/cli', 'playwright-core', 'node'].includes(name)),
  );

  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  mkdirSync(data);
  execFileSync('chown', ['1000:1000', data]);
  const settings = {
    ENVIRONMENT: 'development',
    HOST: '127.0.0.1',
    PORT: String(port),
    PROMETHEUS_ENABLED: 'false',
    DRAIN_DELAY_MS: String(DRAIN_DELAY_MS),
  };
  const env = Object.entries(settings).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  container = podman(
    'run',
    '--detach',
    '--read-only',
    '--tmpfs',
    '/tmp',
    '--network',
    'host',
    '--cap-drop',
    'ALL',
    '--security-opt',
    'no-new-privileges',
    '--volume',
    `${data}:/data`,
    ...limits(),
    ...env,
    IMAGE,
  ).trim();
  await until(
    'it is ready',
    READY_TIMEOUT_MS,
    async () => (await fetch(`${url}/api/v1/health/readiness`)).status === 200,
  );
  check('its processes are no root', inside('id', '-u') === '1000');
  check(
    'its root file system cannot be written to',
    spawnSync('podman', [...PODMAN, 'exec', container, 'touch', '/app/x'], { env: environment }).status !== 0,
  );
  check('an init reaps what it leaves', inside('cat', '/proc/1/comm') === 'tini');
  check(
    'its health check passes',
    spawnSync('podman', [...PODMAN, 'exec', container, ...health.Test.slice(1)], {
      env: environment,
    }).status === 0,
  );
  const document = { title: 'Lamp', content: 'The lamp burns colza oil.' };
  const taken = await fetch(`${url}/api/v1/documents`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(document),
  });
  check('it takes a document in', taken.status === 202);

  podman('kill', '--signal', 'TERM', container);
  await until(
    'SIGTERM turns its readiness first',
    5_000,
    async () => (await fetch(`${url}/api/v1/health/readiness`)).status === 503,
  );
  check('and it goes on serving meanwhile', (await fetch(`${url}/health`)).status === 200);
  check('and it ends with exit code 0', podman('wait', container).trim() === '0');
  check('and leaves its data folder free', !existsSync(join(data, 'mainstay.lock')));
  console.log(`${passed} checks passed`);
} catch (error) {
  console.error(`${error.message}\n${error.stdout ?? ''}${error.stderr ?? ''}`);
  if (container !== undefined)
    console.error(
      spawnSync('podman', [...PODMAN, 'logs', container], { env: environment }).stdout.toString(),
    );
  process.exitCode = 1;
} finally {
  if (container !== undefined)
    spawnSync('podman', [...PODMAN, 'rm', '--force', container], { env: environment });
  rmSync(folder, { recursive: true, force: true });
}

/** Debian, this Node and its npm, as in the official image. @returns its name */
function makeBase() {
  const tag = `${BASE}:${process.versions.node}`;
  if (spawnSync('buildah', ['--storage-driver', 'vfs', 'inspect', tag], { env: environment }).status === 0)
    return tag;
  const root = join(folder, 'root.tar');
  const sources = ['/etc/apt/sources.list', '/etc/apt/sources.list.d/debian.sources'].filter(existsSync);
  step('a base is made of Debian’s packages', () =>
    run('mmdebstrap', ['--variant=minbase', '--include=ca-certificates,tini', 'bookworm', root, ...sources]),
  );
  const from = buildah('from', 'scratch').trim();
  buildah('add', from, root, '/');
  buildah('copy', from, process.execPath, '/usr/local/bin/node');
  const npm = join(run('npm', ['root', '--global']).trim(), 'npm');
  buildah('copy', from, npm, '/usr/local/lib/node_modules/npm');
  // How this machine reaches the registry is known to its npm alone.
  for (const [file, target] of npmConfiguration()) buildah('copy', from, file, target);
  for (const command of [
    'ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm',
    'groupadd --gid 1000 node && useradd --uid 1000 --gid node --create-home node',
  ])
    buildah('run', '--isolation', 'chroot', from, '--', 'sh', '-c', command);
  buildah('commit', '--format', 'docker', '--rm', from, tag);
  return tag;
}

/** The files that tell npm where it gets packages, for the base: [here, there]. */
function npmConfiguration() {
  const npmrc = ['userconfig', 'globalconfig']
    .map((name) => run('npm', ['config', 'get', name]).trim())
    .filter(existsSync)
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  const authority = run('npm', ['config', 'get', 'cafile']).trim();
  const registry = run('npm', ['config', 'get', 'registry']).trim();
  const lines = npmrc.split('\n').filter((line) => !/^\s*(cafile|registry|nodedir)\s*=/.test(line));
  const files = [];
  if (existsSync(authority)) {
    const copy = join(folder, basename(authority));
    copyFileSync(authority, copy);
    files.push([copy, '/usr/local/etc/authority.pem']);
    lines.push('cafile=/usr/local/etc/authority.pem');
  }
  const file = join(folder, 'npmrc');
  writeFileSync(file, [...lines, `registry=${registry}`, ''].join('\n'));
  return [...files, [file, '/usr/local/etc/npmrc']];
}

function limits() {
  // The hook that podman would run for a health check, and limits that this kernel may not let it raise.
  return ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024', '--no-healthcheck'];
}

function run(program, args) {
  return execFileSync(program, args, {
    encoding: 'utf8',
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1e8,
  });
}

function buildah(...args) {
  return run('buildah', ['--storage-driver', 'vfs', ...args]);
}

function podman(...args) {
  return run('podman', [...PODMAN, ...args]);
}

function inside(...command) {
  return podman('exec', container, ...command).trim();
}

function step(what, work) {
  const startedMs = performance.now();
  const result = work();
  console.log(`✓ ${what} (${Math.round((performance.now() - startedMs) / 1_000)} s)`);
  passed += 1;
  return result;
}

function check(what, holds) {
  if (!holds) throw new Error(`✗ ${what}: it does not`);
  console.log(`✓ ${what}`);
  passed += 1;
}

async function until(what, timeoutMs, holds) {
  for (const endsMs = performance.now() + timeoutMs; ;) {
    if (await holds().catch(() => false)) return check(what, true);
    if (performance.now() > endsMs) throw new Error(`✗ ${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
