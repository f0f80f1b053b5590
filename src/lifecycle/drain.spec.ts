import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { ServiceState } from '../kernel/service-state.js';
import { Drain, type Requests } from './drain.js';

describe('Drain', () => {
  beforeEach(() => {
    jest.useFakeTimers();
    Logger.overrideLogger(false);
  });
  afterEach(() => void jest.useRealTimers());

  function draining({ close = () => Promise.resolve() }: { close?: () => Promise<void> } = {}) {
    const order: string[] = [];
    const done = Promise.withResolvers<void>();
    const state = new ServiceState();
    state.stopping.addEventListener('abort', () => order.push('readiness turns'));
    state.ending.addEventListener('abort', () => order.push('what is under way is ended'));
    const requests: Requests = {
      closeConnections: () => void order.push('connections are closed by and by'),
      stopListening: () => void order.push('nothing new is taken'),
      done: done.promise,
    };
    const closing = async () => {
      order.push('the rest is closed');
      await close();
    };
    const exit = jest.fn<(code: number) => void>();
    const settings = { DRAIN_DELAY_MS: 5_000, DRAIN_TIMEOUT_MS: 30_000 };
    return { drain: new Drain(requests, closing, state, settings, exit), order, done, exit };
  }

  it('turns readiness first, serves for the delay, finishes what is under way, and closes the rest', async () => {
    const { drain, order, done, exit } = draining();
    drain.signalled('SIGTERM');
    await jest.advanceTimersByTimeAsync(4_999);
    expect(order).toEqual(['readiness turns', 'connections are closed by and by']);
    await jest.advanceTimersByTimeAsync(1);
    expect(order.slice(2)).toEqual(['nothing new is taken']);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(exit).not.toHaveBeenCalled();
    done.resolve();
    await jest.advanceTimersByTimeAsync(0);
    expect(order.slice(3)).toEqual(['what is under way is ended', 'the rest is closed']);
    expect(exit).toHaveBeenCalledWith(0);
  });

  it('ends what is still under way when the time is up, and closes nothing before that was told', async () => {
    const { drain, order, done, exit } = draining();
    drain.signalled('SIGINT');
    await jest.advanceTimersByTimeAsync(34_999);
    expect(order).not.toContain('what is under way is ended');
    await jest.advanceTimersByTimeAsync(500);
    expect(order.at(-1)).toBe('what is under way is ended');
    done.resolve();
    await jest.advanceTimersByTimeAsync(0);
    expect(order.at(-1)).toBe('the rest is closed');
    expect(exit).toHaveBeenCalledWith(0);
  });

  it('waits for nobody who does not listen', async () => {
    const { drain, order, exit } = draining();
    drain.signalled('SIGINT');
    await jest.advanceTimersByTimeAsync(37_000);
    expect(order.at(-1)).toBe('the rest is closed');
    expect(exit).toHaveBeenCalledWith(0);
  });

  it('takes a signal that follows at once for an echo, and a later one for impatience', async () => {
    const { drain, exit } = draining();
    drain.signalled('SIGINT');
    await jest.advanceTimersByTimeAsync(400);
    drain.signalled('SIGINT');
    expect(exit).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(200);
    drain.signalled('SIGINT');
    expect(exit).toHaveBeenCalledWith(1);
  });

  it('waits for nothing that does not close', async () => {
    const { drain, done, exit } = draining({ close: () => new Promise(() => {}) });
    done.resolve();
    drain.signalled('SIGTERM');
    await jest.advanceTimersByTimeAsync(44_999);
    expect(exit).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    expect(exit).toHaveBeenCalledWith(1);
  });

  it('says that something did not close well', async () => {
    const { drain, done, exit } = draining({ close: () => Promise.reject(new Error('no')) });
    done.resolve();
    drain.signalled('SIGTERM');
    await jest.advanceTimersByTimeAsync(5_000);
    expect(exit).toHaveBeenCalledWith(1);
  });

  it('drains shortly after an error that nobody caught, and says so by its exit code', async () => {
    const { drain, order, done, exit } = draining();
    drain.crashed(new Error('boom'), 'uncaughtException');
    await jest.advanceTimersByTimeAsync(0);
    expect(order).toContain('nothing new is taken');
    await jest.advanceTimersByTimeAsync(4_000);
    expect(exit).not.toHaveBeenCalled();
    done.resolve();
    await jest.advanceTimersByTimeAsync(0);
    expect(exit).toHaveBeenCalledWith(1);
  });

  it('ends at once for such an error while it ends', () => {
    const { drain, exit } = draining();
    drain.signalled('SIGTERM');
    drain.crashed(new Error('boom'), 'unhandledRejection');
    expect(exit).toHaveBeenCalledWith(1);
  });
});
