import type { Broker, Message } from '../../src/platform/cache/broker.js';
import { Deadline } from '../../src/kernel/deadline.js';
import { eventually, eventuallyHolds } from '../support/eventually.js';

export interface GivenBroker {
  broker: Broker;
  end?(): void | Promise<void>;
}

/** What every broker does, the guard around it included. */
export function brokerContract(name: string, given: () => GivenBroker | Promise<GivenBroker>): void {
  describe(`Broker: ${name}`, () => {
    let setup: GivenBroker;
    let broker: Broker;

    beforeEach(async () => {
      setup = await given();
      broker = setup.broker;
    });
    afterEach(() => setup.end?.());

    /** Everything that a new subscriber of the topic hears. */
    const heardOn = (topic: string) => {
      const heard: Message[] = [];
      const end = broker.subscribe(topic, (message) => void heard.push(message));
      return { heard, end };
    };

    it('tells everybody who listens to the topic what was said, in order', async () => {
      const [first, second] = [heardOn('news'), heardOn('news')];
      const said: Message[] = [{ n: 1, text: '𝔘 "שלום"\n', yes: true, nothing: null }, { n: 2 }, {}];
      for (const message of said) await broker.publish('news', message);
      await eventuallyHolds(() => expect(first.heard).toEqual(said));
      expect(second.heard).toEqual(said);
    });

    it('tells nobody what was said on another topic, or before he listened', async () => {
      await broker.publish('news', { n: 0 });
      const [news, other] = [heardOn('news'), heardOn('other')];
      await broker.publish('news', { n: 1 });
      await broker.publish('other', { n: 2 });
      await eventually(() => other.heard.length > 0);
      expect(other.heard).toEqual([{ n: 2 }]);
      expect(news.heard.filter(({ n }) => n !== 0)).toEqual([{ n: 1 }]);
    });

    it('tells nothing more to one who has left', async () => {
      const [leaves, stays] = [heardOn('news'), heardOn('news')];
      await broker.publish('news', { n: 1 });
      await eventually(() => leaves.heard.length > 0);
      leaves.end();
      await broker.publish('news', { n: 2 });
      await eventually(() => stays.heard.length === 2);
      expect(leaves.heard).toEqual([{ n: 1 }]);
    });

    it('is held up by nobody who throws, and goes on telling him', async () => {
      let calls = 0;
      broker.subscribe('news', () => {
        calls += 1;
        throw new Error('of the subscriber');
      });
      broker.subscribe('news', () => Promise.reject(new Error('of the subscriber, later')));
      const { heard } = heardOn('news');
      await broker.publish('news', { n: 1 });
      await broker.publish('news', { n: 2 });
      await eventually(() => heard.length === 2 && calls === 2);
    });

    it('is held up by nobody who is slow, and tells him one thing at a time', async () => {
      const gate = Promise.withResolvers<void>();
      let [under, most, done] = [0, 0, 0];
      broker.subscribe('news', async () => {
        most = Math.max(most, (under += 1));
        await gate.promise;
        under -= 1;
        done += 1;
      });
      const { heard } = heardOn('news');
      for (let n = 0; n < 3; n += 1) await broker.publish('news', { n });
      await eventually(() => heard.length === 3);
      expect(under).toBe(1);
      gate.resolve();
      await eventually(() => done === 3);
      expect(most).toBe(1);
    });

    it('drops what is too much for one who is slow, and nothing of the others', async () => {
      const gate = Promise.withResolvers<void>();
      let slow = 0;
      broker.subscribe('news', async () => {
        slow += 1;
        await gate.promise;
      });
      const { heard } = heardOn('news');
      for (let n = 0; n < 3_000; n += 1) {
        await broker.publish('news', { n });
        if (n % 500 === 0) await eventually(() => heard.length === n + 1);
      }
      await eventually(() => heard.length === 3_000);
      gate.resolve();
      await broker.publish('news', { last: true });
      await eventually(() => heard.length === 3_001);
      expect(slow).toBeLessThan(1_100);
      expect(slow).toBeGreaterThan(900);
    });

    it('gives each his own copy', async () => {
      broker.subscribe('news', (message) => void Object.assign(message, { n: 'changed' }));
      const { heard } = heardOn('news');
      const said = { n: 1 };
      await broker.publish('news', said);
      await eventuallyHolds(() => expect(heard).toEqual([{ n: 1 }]));
      expect(said).toEqual({ n: 1 });
    });

    it('does not bind who hears by the deadline of who says', async () => {
      let found: Deadline | undefined | 'none' = 'none';
      broker.subscribe('news', () => void (found = Deadline.current()));
      const deadline = new Deadline(60_000);
      await deadline.run(() => broker.publish('news', {}));
      await eventuallyHolds(() => expect(found).toBeUndefined());
      deadline.release();
    });
  });
}
