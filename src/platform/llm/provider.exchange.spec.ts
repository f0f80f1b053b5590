import { jest } from '@jest/globals';
import type { Dispatcher } from 'undici';
import { ProviderExchange } from './provider.exchange.js';

function controller() {
  const state = { paused: false };
  const spied = {
    get paused() {
      return state.paused;
    },
    pause: () => (state.paused = true),
    resume: () => (state.paused = false),
    abort: jest.fn<(reason: Error) => void>(),
  };
  return spied as typeof spied & Dispatcher.DispatchController;
}

describe('ProviderExchange', () => {
  it('hands on in one piece what came together, and then that there is no more', async () => {
    const undici = controller();
    const exchange = new ProviderExchange(new AbortController().signal);
    exchange.onRequestStart(undici);
    exchange.onResponseStart(undici, 200, {});
    exchange.onResponseData(undici, Buffer.from('one '));
    exchange.onResponseData(undici, Buffer.from('two'));
    expect((await exchange.next())?.toString()).toBe('one two');
    exchange.onResponseEnd();
    expect(await exchange.next()).toBeUndefined();
    exchange.close();
    expect(undici.abort).not.toHaveBeenCalled();
  });

  it('is no faster than its reader', async () => {
    const undici = controller();
    const exchange = new ProviderExchange(new AbortController().signal);
    exchange.onRequestStart(undici);
    exchange.onResponseData(undici, Buffer.alloc(100_000));
    expect(undici.paused).toBe(true);
    await exchange.next();
    expect(undici.paused).toBe(false);
  });

  it('takes no head before the last: what comes with 1xx is only on the way', async () => {
    const undici = controller();
    const exchange = new ProviderExchange(new AbortController().signal);
    exchange.onResponseStart(undici, 103, { link: 'early' });
    exchange.onResponseStart(undici, 200, {});
    expect(await exchange.head).toEqual({ status: 200, headers: {} });
  });

  it('ends with the reason of its signal, also where it never got a connection', async () => {
    const caller = new AbortController();
    const exchange = new ProviderExchange(caller.signal);
    caller.abort(new Error('left'));
    await expect(exchange.head).rejects.toThrow('left');
    await expect(exchange.next()).rejects.toThrow('left');
    const late = controller();
    exchange.onRequestStart(late);
    expect(late.abort).toHaveBeenCalledWith(caller.signal.reason);
  });

  describe('with a time limit', () => {
    beforeEach(() => void jest.useFakeTimers());
    afterEach(() => void jest.useRealTimers());
    const late = (afterMs: number) => new Error(`late after ${afterMs}`);

    it('ends when that is over, and gives the connection up', async () => {
      const undici = controller();
      const exchange = new ProviderExchange(undefined);
      exchange.endAfter(100, late);
      exchange.onRequestStart(undici);
      jest.advanceTimersByTime(100);
      await expect(exchange.head).rejects.toThrow('late after 100');
      expect(undici.abort).toHaveBeenCalledTimes(1);
    });

    it('keeps no timer of a reply that is over, or was before it began, or has no limit', () => {
      const [done, gone, free] = [undefined, AbortSignal.abort(), undefined].map(
        (signal) => new ProviderExchange(signal),
      ) as [ProviderExchange, ProviderExchange, ProviderExchange];
      done.endAfter(100, late);
      done.onResponseEnd();
      gone.endAfter(100, late);
      free.endAfter(Infinity, late);
      expect(jest.getTimerCount()).toBe(0);
    });
  });

  it('gives the connection up when nobody reads on', async () => {
    const undici = controller();
    const exchange = new ProviderExchange(new AbortController().signal);
    exchange.onRequestStart(undici);
    exchange.onResponseStart(undici, 200, {});
    exchange.close();
    expect(undici.abort).toHaveBeenCalledTimes(1);
  });
});
