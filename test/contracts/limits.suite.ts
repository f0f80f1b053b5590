import { type Limits, type Rate } from '../../src/resilience/limits.js';

/** Limits of which nothing is spent yet, and the power over their clock. */
export interface GivenLimits {
  limits: Limits;
  pass(ms: number): void | Promise<void>;
  end?(): void | Promise<void>;
}

// Long enough that nothing flows in while a case runs, on whatever machine.
const HOUR: Rate = { amount: 6, perMs: 3_600_000 };
const EACH_MS = HOUR.perMs / HOUR.amount;
// A server's clock goes on between two calls.
const SLACK_MS = 30_000;

/** What everybody does who counts a rate alone, or with all who share it. */
export function limitsContract(name: string, given: () => GivenLimits | Promise<GivenLimits>): void {
  describe(`Limits: ${name}`, () => {
    let setup: GivenLimits;
    let limits: Limits;

    beforeEach(async () => {
      setup = await given();
      limits = setup.limits;
    });
    afterEach(() => setup.end?.());

    /** How many calls of this cost are granted before one is not, and how long that one would have to wait. */
    const grantedOf = async (cost: number, bucket = 'calls') => {
      for (let granted = 0; ; granted += 1) {
        const grant = await limits.take(bucket, HOUR, cost);
        if (!grant.granted) return { granted, waitMs: grant.waitMs };
      }
    };
    const about = (ms: number) => ({ asymmetricMatch: (n: number) => n <= ms && n > ms - SLACK_MS });

    it('grants the whole amount at once, and then says how long it is until the next', async () => {
      expect(await grantedOf(1)).toEqual({ granted: 6, waitMs: about(EACH_MS) });
    });

    it('grants what has flowed in meanwhile, and no more', async () => {
      await grantedOf(1);
      await setup.pass(2 * EACH_MS + SLACK_MS);
      expect((await grantedOf(1)).granted).toBe(2);
    });

    it('lets a call through after the wait that it was told', async () => {
      const { waitMs } = await grantedOf(2);
      expect(waitMs).toEqual(about(2 * EACH_MS));
      await setup.pass(waitMs);
      expect(await limits.take('calls', HOUR, 2)).toMatchObject({ granted: true });
    });

    it('holds no more than the whole, however long nobody asked', async () => {
      await limits.take('calls', HOUR, 1);
      await setup.pass(100 * HOUR.perMs);
      expect((await grantedOf(1)).granted).toBe(6);
    });

    it('spends nothing on a call that it refuses: a smaller one still fits', async () => {
      await limits.take('calls', HOUR, 4);
      expect(await limits.take('calls', HOUR, 3)).toMatchObject({ granted: false });
      expect(await limits.take('calls', HOUR, 2)).toMatchObject({ granted: true });
    });

    it('takes a cost above the whole rate for the whole', async () => {
      expect(await limits.take('calls', HOUR, 1_000)).toMatchObject({ granted: true });
      expect(await limits.take('calls', HOUR, 1_000)).toMatchObject({
        granted: false,
        waitMs: about(HOUR.perMs),
      });
      await setup.pass(HOUR.perMs);
      expect(await limits.take('calls', HOUR, 1_000)).toMatchObject({ granted: true });
    });

    it('says what is left, and how long it is until it is the whole again', async () => {
      expect(await limits.take('calls', HOUR, 4)).toMatchObject({ left: 2, fullInMs: about(4 * EACH_MS) });
      expect(await limits.take('calls', HOUR, 3)).toMatchObject({
        granted: false,
        left: 2,
        fullInMs: about(4 * EACH_MS),
      });
      expect(await limits.take('calls', HOUR, 2)).toMatchObject({ left: 0, fullInMs: about(HOUR.perMs) });
    });

    it('grants what costs nothing', async () => {
      await grantedOf(1);
      expect(await limits.take('calls', HOUR, 0)).toMatchObject({ granted: true });
      expect(await limits.take('unused', HOUR, 0)).toMatchObject({ granted: true });
    });

    it('counts each name for itself', async () => {
      await grantedOf(1);
      expect((await grantedOf(1, 'tokens')).granted).toBe(6);
    });

    it('counts fractions of a call as exactly as whole ones', async () => {
      const sevenths: Rate = { amount: 7, perMs: 3_600_000 };
      let granted = 0;
      while ((await limits.take('sevenths', sevenths, 0.25)).granted) granted += 1;
      expect(granted).toBe(28);
    });

    it('is not confused by callers at once', async () => {
      const grants = await Promise.all(Array.from({ length: 20 }, () => limits.take('calls', HOUR, 1)));
      expect(grants.filter(({ granted }) => granted)).toHaveLength(6);
    });
  });
}
