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

  it('gives the connection up when nobody reads on', async () => {
    const undici = controller();
    const exchange = new ProviderExchange(new AbortController().signal);
    exchange.onRequestStart(undici);
    exchange.onResponseStart(undici, 200, {});
    exchange.close();
    expect(undici.abort).toHaveBeenCalledTimes(1);
  });
});
