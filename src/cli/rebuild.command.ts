import type { Command } from 'commander';
import { newCommand, type JsonOption } from './options.js';
import type { Shell } from './shell.js';
import { withApplication } from './application.js';

interface Options extends JsonOption {
  collection?: string;
}

export function rebuildCommand(shell: Shell): Command {
  return newCommand(
    'rebuild',
    'build the index of vectors anew from the database, beside the one in use, and put it in its place; searches go on meanwhile',
    ['rebuild', 'rebuild --collection documents --json'],
  )
    .option('--collection <name>', 'only this one (default: all of COLLECTIONS)')
    .action((options: Options) => rebuild(shell, options));
}

async function rebuild(shell: Shell, { collection, json }: Options): Promise<void> {
  // An index of another model is what a rebuild is for.
  await withApplication(shell, { COLLECTION_MISMATCH: 'keyword' }, async (app, settings) => {
    const { Rebuild } = await import('../features/knowledge/rebuild.js');
    for (const name of collection === undefined ? settings.COLLECTIONS : [collection]) {
      const rebuilt = await app.get(Rebuild).run(name, shell.signal);
      const { into, filled, caughtUp, dropped } = rebuilt;
      shell.out(
        json === true
          ? JSON.stringify(rebuilt)
          : `${name}: ${filled.missing + caughtUp.missing} documents written to ${into}, ${dropped.join(', ') || 'nothing'} dropped`,
      );
    }
  });
}
