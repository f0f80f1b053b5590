import type { Command } from 'commander';
import { readSettings } from '../config/settings.js';
import { explain } from '../lifecycle/start-failure.js';
import type { BootStep } from '../resilience/boot.step.js';
import { OpeningFailed } from '../resilience/opening.js';
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
    const steps = error instanceof OpeningFailed ? error.steps : [];
    // On standard error as well, by whoever called: a script that reads JSON has it here too.
    if (json === true) {
      const { exitCode, message } = explain(error);
      shell.out(JSON.stringify({ ok: false, exit_code: exitCode, error: message, steps }));
    } else for (const step of steps) shell.out(lineOf(step));
    throw error;
  }
}

async function open(shell: Shell): Promise<readonly BootStep[]> {
  // As the service reads them first: what is replaced below may be wrong as well.
  readSettings(shell.env);
  // It looks, and does not begin to work: other processes may share the database. And it has to come to a verdict.
  const settings = embeddedSettings({ ...shell.env, INGEST_CONCURRENCY: '0', STARTUP_POLICY: 'strict' });
  const { createApplication } = await import('../application.js');
  const { BootPlan } = await import('../resilience/boot.plan.js');
  const app = await createApplication(settings);
  const { steps } = app.get(BootPlan);
  await app.close();
  return steps;
}

function lineOf({ step, verdict, took_ms, detail, remedy }: BootStep): string {
  const line = `${verdict.padEnd(9)} ${step.padEnd(16)} ${String(took_ms).padStart(6)} ms  ${detail}`;
  return remedy === null ? line : `${line}\n${' '.repeat(38)}${remedy}`;
}
