import { CallerGone } from '../../src/kernel/deadline.js';
import { newLookup } from '../../src/platform/web-pages/lookup.js';
import { eventually } from '../support/eventually.js';
import { NameServer } from '../support/name.server.js';

describe('A look-up', () => {
  let names: NameServer;
  beforeAll(async () => void (names = await NameServer.start()));
  afterAll(() => names.stop());
  const lookUp = (hostname: string, named = false, signal = new AbortController().signal) =>
    newLookup([names.address])(hostname, named, signal);

  it('finds every address of a name, of either kind', async () => {
    names.knows('both.example', { a: ['192.0.2.1', '10.0.0.1'], aaaa: ['2001:db8::1'] });
    names.knows('four.example', { a: ['192.0.2.2'], aaaa: [] });
    names.knows('six.example', { a: [], aaaa: ['2001:db8::6'] });
    names.knows('half.example', { a: ['192.0.2.3'], aaaa: 'SERVFAIL' });
    expect((await lookUp('both.example')).toSorted()).toEqual(['10.0.0.1', '192.0.2.1', '2001:db8::1']);
    expect(await lookUp('four.example')).toEqual(['192.0.2.2']);
    expect(await lookUp('six.example')).toEqual(['2001:db8::6']);
    // What is not known is not connected to either.
    expect(await lookUp('half.example')).toEqual(['192.0.2.3']);
  });

  it('finds nothing where there is nothing', async () => {
    names.knows('empty.example', { a: [], aaaa: [] });
    expect(await lookUp('empty.example')).toEqual([]);
    expect(await lookUp('unknown.example')).toEqual([]);
  });

  it('says so when nobody can say', async () => {
    names.knows('sick.example', { a: 'SERVFAIL', aaaa: 'SERVFAIL' });
    names.knows('odd.example', { a: 'SERVFAIL', aaaa: [] });
    for (const name of ['sick.example', 'odd.example'])
      await expect(lookUp(name)).rejects.toMatchObject({ code: 'page_unavailable' });
  });

  it('knows the names of this machine for hosts that the operator named', async () => {
    const addresses = await lookUp('localhost', true);
    expect(addresses.every((address) => address === '127.0.0.1' || address === '::1')).toBe(true);
    expect(addresses.length).toBeGreaterThan(0);
    expect(names.asked).not.toContain('localhost');
  });

  it('ends with its signal, also while a name server is silent', async () => {
    names.knows('silent.example', { a: 'silence', aaaa: 'silence' });
    const controller = new AbortController();
    const looking = lookUp('silent.example', false, controller.signal);
    await eventually(() => names.asked.includes('silent.example'));
    const reason = new CallerGone();
    controller.abort(reason);
    await expect(looking).rejects.toBe(reason);
    for (const named of [true, false])
      await expect(lookUp('stopped.invalid', named, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(names.asked).not.toContain('stopped.invalid');
  });
});
