import { CallerGone, Deadline } from './deadline.js';
import { SingleFlight } from './single-flight.js';

describe('SingleFlight', () => {
  it('does once what several ask for at the same time, and again what is asked for later', async () => {
    const flights = new SingleFlight<number>();
    const result = Promise.withResolvers<number>();
    let done = 0;
    const work = () => {
      done += 1;
      return result.promise;
    };
    const all = Promise.all([flights.run('a', work), flights.run('a', work), flights.run('b', work)]);
    result.resolve(7);
    expect(await all).toEqual([7, 7, 7]);
    expect(done).toBe(2);
    await flights.run('a', work);
    expect(done).toBe(3);
    expect(flights.size).toBe(0);
  });

  it('fails for all of them', async () => {
    const flights = new SingleFlight<number>();
    const failure = new Error('no');
    const all = [1, 2].map(() => flights.run('a', () => Promise.reject(failure)));
    for (const one of all) await expect(one).rejects.toBe(failure);
  });

  it('is done by another when the one who did it has gone', async () => {
    const flights = new SingleFlight<string>();
    const gone = Promise.withResolvers<string>();
    const first = flights.run('a', () => gone.promise);
    const second = flights.run('a', async () => 'second');
    gone.reject(new CallerGone());
    await expect(first).rejects.toBeInstanceOf(CallerGone);
    expect(await second).toBe('second');
  });

  it('keeps nobody waiting for longer than he has', async () => {
    const flights = new SingleFlight<string>();
    const never = Promise.withResolvers<string>();
    void flights.run('a', () => never.promise);
    const deadline = new Deadline(60_000);
    const waiting = deadline.run(() => flights.run('a', async () => 'mine'));
    deadline.abandon();
    await expect(waiting).rejects.toBeInstanceOf(CallerGone);
    never.resolve('late');
  });
});
