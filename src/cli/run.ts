import type { Command } from 'commander';
import { describeFailure } from './failure.js';
import { interruption } from './interruption.js';
import { openShell, type Shell } from './shell.js';

/** Runs the command that the arguments name, and sets what the process ends with. */
export async function runCommand(env: Shell['env'], newProgram: (shell: Shell) => Command): Promise<void> {
  const shell = openShell(env, interruption());
  try {
    const program = newProgram(shell);
    for (const command of withAllBelow(program)) speakThrough(shell, command);
    await program.parseAsync();
    process.exitCode = shell.exitCode;
  } catch (error) {
    const { exitCode, message } = describeFailure(error);
    if (message !== undefined) shell.err(message);
    process.exitCode = exitCode;
  }
}

function withAllBelow(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withAllBelow)];
}

/** commander writes by itself and ends the process; here it writes where the shell does, and throws. */
function speakThrough(shell: Shell, command: Command): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => shell.out(text.trimEnd()),
    writeErr: (text) => shell.err(text.trimEnd()),
    getOutHasColors: () => false,
  });
  command.showHelpAfterError(`(npm run cli -- ${nameOf(command)}--help tells more)`);
}

/** As it is called: `keys create `, and nothing for the program itself. */
function nameOf(command: Command): string {
  const { parent } = command;
  return parent === null ? '' : `${nameOf(parent)}${command.name()} `;
}
