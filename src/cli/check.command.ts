import type { Command } from 'commander';
import { readSettings } from '../config/settings.js';
import { explain } from '../lifecycle/start-failure.js';
import type { BootStep } from '../resilience/opening.js';
import { embeddedSettings } from './embedded.js';
import { type JsonOption, newCommand } from './options.js';
import type { Shell } from './shell.js';

export function checkCommand(shell: Shell): Command {
  return newCommand(
    'check',
    'read the settings, open everything as the service does, and close it again (it serves nothing, but it does bring the schema up to date)',
    ['check', 'check --json'],
  ).action((options: JsonOption) => check(shell, options));
}

async function check(shell: Shell, { json }: JsonOption): Promise<void> {
  try {
    const steps = await open(shell);
    if (json === true) shell.out(JSON.stringify({ ok: true, exit_code: 0, steps }));
    else for (const step of steps) shell.out(lineOf(step));
  } catch (error) {
    // On standard error as well, by whoever called: a script that reads JSON has it here too.
    if (json === true) {
      const { exitCode, message } = explain(error);
      shell.out(JSON.stringify({ ok: false, exit_code: exitCode, error: message }));
    }
    throw error;
  }
}

async function open(shell: Shell): Promise<BootStep[]> {
  const startedMs = performance.now();
  // As the service reads them first: what is replaced below may be wrong as well.
  readSettings(shell.env);
  // It looks, and does not begin to work: other processes may share the database.
  const settings = embeddedSettings({ ...shell.env, INGEST_CONCURRENCY: '0' });
  const read: BootStep = {
    step: 'settings',
    verdict: 'ok',
    tookMs: Math.round(performance.now() - startedMs),
    detail: settings.ENVIRONMENT,
  };
  const { createApplication } = await import('../application.js');
  const { Dependencies } = await import('../resilience/dependencies.js');
  const app = await createApplication(settings);
  const steps = [read, ...app.get(Dependencies).boot];
  await app.close();
  return steps;
}

function lineOf({ step, verdict, tookMs, detail }: BootStep): string {
  return `${verdict.padEnd(9)} ${step.padEnd(13)} ${String(tookMs).padStart(6)} ms  ${detail}`;
}
