import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// Whoever starts the built service by `node dist/main.js` may have an older Node than the one that it is made for, which is
// installed beside it as a package and which `npm start` uses. This file runs on the older one: nothing newer may be in it.

const NEEDED_MAJOR = 24;
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGUSR2'] as const;

/** Whether this process runs on a Node that the service can run on. */
export function isNodeNewEnough(): boolean {
  return Number(process.versions.node.split('.')[0]) >= NEEDED_MAJOR;
}

/** Runs the same script on the Node of the packages, passes signals on to it, and ends as it ends. */
export function runOnOwnNode(): void {
  const node = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
  if (!existsSync(node)) {
    const words = `Mainstay needs Node ${NEEDED_MAJOR}, and this is ${process.version}: run npm install, then npm start.\n`;
    process.stderr.write(words);
    process.exit(1);
  }
  // By its channel the other one knows when this one is gone, also when it was killed.
  const child = spawn(node, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
