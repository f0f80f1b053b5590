import { Command, InvalidArgumentError, Option } from 'commander';
import type { ServiceOptions } from './attach.js';
import { INCLUDE_DEFAULT } from './folder.js';

export interface JsonOption {
  json?: boolean;
}

/** What every command that talks to a service takes. */
export type CommonOptions = ServiceOptions & JsonOption;

/** A command with the options that all have, and what commander leaves to be asked for. */
export function newCommand(name: string, description: string, examples: readonly string[]): Command {
  return new Command(name)
    .description(description)
    .option(
      '--json',
      'print the result as JSON, and nothing else, to standard output (npm adds a heading of its own: npm run --silent)',
    )
    .allowExcessArguments(false)
    .addHelpText('after', `\nExamples:\n${examples.map((line) => `  $ npm run cli -- ${line}`).join('\n')}`);
}

/** The same for a command that talks to a service. */
export function newServiceCommand(name: string, description: string, examples: readonly string[]): Command {
  return newCommand(name, description, examples)
    .addOption(
      new Option(
        '--url <url>',
        'the service to use (or MAINSTAY_URL); without it the one that holds DATA_DIR, or one in this process',
      ),
    )
    .addOption(new Option('--token <token>', 'the bearer token to send (or MAINSTAY_TOKEN)'))
    .addOption(new Option('--business <id>', 'the tenant'));
}

export function includeOption(): Option {
  return new Option(
    '--include <glob...>',
    'the files to take; a pattern without / matches at any depth',
  ).default(INCLUDE_DEFAULT, INCLUDE_DEFAULT.join(' '));
}

export function excludeOption(): Option {
  return new Option('--exclude <glob...>', 'files and folders to leave out').default(
    [],
    'none beside hidden ones and node_modules, which are always left out',
  );
}

/** For options whose value is a whole number. */
export function whole(min: number, max: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return number;
  };
}

/** For `key=value`, given any number of times. A value that reads as JSON is that: `year=2024` is a number. */
export function pair(value: string, previous: Record<string, unknown> = {}): Record<string, unknown> {
  const at = value.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be key=value.');
  return { ...previous, [value.slice(0, at)]: scalarOrJson(value.slice(at + 1)) };
}

function scalarOrJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}
