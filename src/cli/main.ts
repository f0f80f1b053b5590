import { Command } from 'commander';
import { environment } from '../config/environment.js';
import { VERSION } from '../config/identity.js';
import { askCommand } from './ask.command.js';
import { checkCommand } from './check.command.js';
import { runCommand } from './run.js';
import { ingestCommand } from './ingest.command.js';
import { inspectCommand } from './inspect.command.js';
import { keysCommand } from './keys.command.js';
import { rebuildCommand } from './rebuild.command.js';
import { reconcileCommand } from './reconcile.command.js';
import { searchCommand } from './search.command.js';

await runCommand(environment(), (shell) => {
  const program = new Command('npm run cli --')
    .description(
      'Documents in; search and cited answers out. Without a running service, each command runs one for itself.',
    )
    .usage('<command> [options]')
    .version(VERSION);
  const commands = [
    ingestCommand,
    inspectCommand,
    askCommand,
    searchCommand,
    reconcileCommand,
    rebuildCommand,
    keysCommand,
    checkCommand,
  ];
  for (const newCommand of commands) program.addCommand(newCommand(shell));
  return program;
});
