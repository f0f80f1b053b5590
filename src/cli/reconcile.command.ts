import type { Command } from 'commander';
import { newCommand, type JsonOption } from './options.js';
import type { Shell } from './shell.js';
import { withApplication } from './application.js';

interface Options extends JsonOption {
  collection?: string;
}

export function reconcileCommand(shell: Shell): Command {
  return newCommand(
    'reconcile',
    'compare the index of vectors with the database, and mend what is missing, stale or surplus; the service goes on meanwhile',
    ['reconcile', 'reconcile --collection documents --json'],
  )
    .option('--collection <name>', 'only this one (default: all of COLLECTIONS)')
    .action((options: Options) => reconcile(shell, options));
}

async function reconcile(shell: Shell, { collection, json }: Options): Promise<void> {
  await withApplication(shell, {}, async (app, settings) => {
    const { Reconciler } = await import('../features/knowledge/reconciler.js');
    for (const name of collection === undefined ? settings.COLLECTIONS : [collection]) {
      const reconciled = await app.get(Reconciler).reconcile(name, shell.signal);
      const { missing, stale, surplus } = reconciled;
      shell.out(
        json === true
          ? JSON.stringify(reconciled)
          : `${name}: ${missing} documents were missing, ${stale} stale and ${surplus} surplus`,
      );
    }
  });
}
