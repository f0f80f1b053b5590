import { CommanderError } from 'commander';
import { explain } from '../lifecycle/start-failure.js';
import { Refused, Unavailable } from './client.js';
import { Interrupted } from './interruption.js';

/** A command cannot do what it was asked to. The message says what is wrong and what to do about it. */
export class CommandError extends Error {
  constructor(
    message: string,
    readonly exitCode = 1,
  ) {
    super(message);
    this.name = 'CommandError';
  }
}

// What shells and most tools end with when they were called wrongly.
const USAGE = 2;

/** What a command that threw ends with, and what it says. */
export function describeFailure(error: unknown): { exitCode: number; message: string | undefined } {
  // commander has said it already; its exit code 0 is that of --help.
  if (error instanceof CommanderError)
    return { exitCode: error.exitCode === 0 ? 0 : USAGE, message: undefined };
  if (error instanceof Interrupted) return { exitCode: error.exitCode, message: error.message };
  if (error instanceof CommandError) return { exitCode: error.exitCode, message: error.message };
  if (error instanceof Unavailable || error instanceof Refused)
    return { exitCode: 1, message: error.message };
  const { exitCode, message } = explain(error);
  // Nobody foresaw this one: whoever reports it needs to say where it came from.
  const unforeseen = exitCode === 1 && error instanceof Error;
  return { exitCode, message: unforeseen ? (error.stack ?? message) : message };
}
