import { SettingsError } from '../config/settings.js';
import { ExitCode } from '../kernel/exit-code.js';
import type { Reason } from '../resilience/dependency-error.js';
import { OpeningFailed } from '../resilience/opening.js';
import { explain } from './start-failure.js';

describe('explain', () => {
  it('names wrong settings', () => {
    const { exitCode, message } = explain(new SettingsError([{ name: 'PORT', remedy: 'must be a number' }]));
    expect(exitCode).toBe(ExitCode.settings);
    expect(message).toContain('PORT must be a number');
  });

  it.each<[Reason, number, string]>([
    ['unreachable', ExitCode.unreachable, 'Is it running'],
    ['hung', ExitCode.unreachable, 'does not answer'],
    ['unauthorized', ExitCode.unauthorized, 'password'],
    ['read_only', ExitCode.unreachable, 'primary'],
    ['storage_full', ExitCode.failed, ''],
  ])('tells a dependency that is %s from others', (reason, exitCode, words) => {
    const failure = explain(
      new OpeningFailed('database', reason, new Error('the words of the driver'), false),
    );
    expect(failure.exitCode).toBe(exitCode);
    expect(failure.message).toContain('the words of the driver');
    expect(failure.message).toContain(words);
  });

  it('lets an error say itself what the process ends with', () => {
    const cause = Object.assign(new Error('The folder is in use by process 7'), {
      exitCode: ExitCode.dataFolder,
    });
    const expected = { exitCode: ExitCode.dataFolder, message: 'The folder is in use by process 7' };
    expect(explain(new OpeningFailed('database', 'failed', cause, false))).toEqual(expected);
    expect(explain(cause)).toEqual(expected);
  });

  it.each([
    ['EADDRINUSE', 'is in use by another process'],
    ['EACCES', 'cannot be used (EACCES)'],
  ])('names a port that cannot be had: %s', (code, words) => {
    const failure = explain(Object.assign(new Error('listen'), { code, port: 8000, address: '127.0.0.1' }));
    expect(failure.exitCode).toBe(ExitCode.port);
    expect(failure.message).toContain(`Port 8000 on 127.0.0.1 ${words}`);
  });

  it('ends with 1 for what it does not know', () => {
    expect(explain(new Error('what?'))).toEqual({ exitCode: ExitCode.failed, message: 'what?' });
    expect(explain('no error at all')).toEqual({ exitCode: ExitCode.failed, message: 'no error at all' });
  });
});
