import { jest } from '@jest/globals';
import pg from 'pg';
import { Deadline } from '../../kernel/deadline.js';
import { HardClient } from './hard.client.js';

// What it does to a real connection is shown where a server is: test/contracts/hard.client.spec.ts.

type Done = (error: unknown, result?: unknown) => void;
type Submitted = { text?: string; query_timeout?: number };

describe('HardClient', () => {
  const sent: Submitted[] = [];
  let answer: Promise<unknown>;
  let driver: jest.SpiedFunction<(...call: unknown[]) => unknown>;

  const tell = async (done: Done) => {
    const [result] = await Promise.allSettled([answer]);
    if (result.status === 'fulfilled') done(null, result.value);
    else done(result.reason);
  };

  beforeEach(() => {
    sent.length = 0;
    answer = Promise.resolve({ rows: [] });
    driver = jest.spyOn(
      pg.Client.prototype as unknown as { query: (...call: unknown[]) => unknown },
      'query',
    );
    driver.mockImplementation((config: unknown, values: unknown, callback: unknown) => {
      sent.push(typeof config === 'string' ? { text: config } : (config as Submitted));
      const done = [callback, values].find((argument) => typeof argument === 'function') as
        ((error: unknown, result?: unknown) => void) | undefined;
      if (done === undefined) return answer;
      void tell(done);
      return undefined;
    });
  });
  afterEach(() => driver.mockRestore());

  const newClient = (query_timeout?: number) => {
    const client = new HardClient({ ...(query_timeout !== undefined && { query_timeout }) });
    const destroyed = jest
      .spyOn(client as unknown as { destroy(reason: Error): void }, 'destroy')
      .mockImplementation(() => {});
    return { client, destroyed };
  };

  it('gives a query no more time than its request has left', async () => {
    const { client } = newClient(30_000);
    await client.query('select 1');
    await new Deadline(500).run(() => client.query('select 2'));
    await new Deadline(500).run(() => client.query({ text: 'select 3' }));
    await new Deadline(100_000).run(() => client.query('select 4'));
    expect(sent[0]).toEqual({ text: 'select 1' });
    for (const i of [1, 2]) {
      expect(sent[i]).toEqual({ text: `select ${i + 1}`, query_timeout: expect.any(Number) as number });
      expect(sent[i]!.query_timeout).toBeGreaterThan(400);
      expect(sent[i]!.query_timeout).toBeLessThanOrEqual(500);
    }
    expect(sent[3]).toEqual({ text: 'select 4', query_timeout: 30_000 });
  });

  it('gives it a moment even when there is nothing left, so that it can be answered at all', async () => {
    const { client } = newClient();
    const over = new Deadline(1);
    await new Promise((resolve) => over.signal.addEventListener('abort', resolve));
    await over.run(() => client.query('rollback'));
    expect(sent[0]).toEqual({ text: 'rollback', query_timeout: 50 });
  });

  it('hands a query that brings its own way of being sent on as it is', () => {
    const { client } = newClient();
    const cursor = { submit: () => {}, text: 'select 1' };
    new Deadline(500).run(() => client.query(cursor as never));
    expect(driver.mock.calls[0]![0]).toBe(cursor);
  });

  it.each<[string, (client: HardClient) => Promise<unknown>]>([
    ['a promise', (client) => client.query('select 1').catch((error: unknown) => error)],
    ['a callback', (client) => new Promise((resolve) => void client.query('select 1', resolve as never))],
    [
      'values and a callback',
      (client) => new Promise((resolve) => client.query('select $1', [1], resolve as never)),
    ],
  ])(
    'cuts the connection before whoever waits by %s learns that the answer did not come in time',
    async (_how, query) => {
      for (const error of [
        new Error('Query read timeout'),
        Object.assign(new Error('read-only'), { code: '25006' }),
      ]) {
        const { client, destroyed } = newClient();
        answer = Promise.reject(error);
        const seen = query(client).then((result) => [result, destroyed.mock.calls.length]);
        expect(await seen).toEqual([error, 1]);
      }
    },
  );

  it('keeps the connection after a statement that merely failed', async () => {
    const { client, destroyed } = newClient();
    answer = Promise.reject(Object.assign(new Error('division by zero'), { code: '22012' }));
    await expect(client.query('select 1 / 0')).rejects.toThrow('division by zero');
    expect(destroyed).not.toHaveBeenCalled();
  });
});
