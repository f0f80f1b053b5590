import { type Grant, type Level, Limits, type Rate } from '../../resilience/limits.js';
import { type Draft, draft, level } from './bucket.js';

const SWEEP_AT_LEAST = 1_000;

/** What one replica allows itself: its share of each rate, counted in the memory of this process. */
export class MemoryLimits extends Limits {
  /** When each bucket is full again, in microseconds. */
  private readonly fullAtUs = new Map<string, number>();
  private sweepAt = SWEEP_AT_LEAST;

  /**
   * @param replicas how many processes share each rate
   * @param nowMs a monotonic clock: one that is set back would make everybody wait
   */
  constructor(
    private readonly replicas: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    super();
  }

  async take(name: string, rate: Rate, cost: number): Promise<Grant & Level> {
    const share = 1 / this.replicas;
    const asked = draft(rate, cost, share);
    const nowUs = this.nowUs();
    const levelNow = () => level(rate, this.fullAt(name, nowUs) - nowUs, share);
    const waitUs = this.fullAt(name, nowUs) + asked.needUs - asked.periodUs - nowUs;
    if (waitUs > 0) return { granted: false, waitMs: Math.ceil(waitUs / 1_000), ...levelNow() };
    this.spend(name, asked, nowUs);
    return { granted: true, ...levelNow() };
  }

  /** Counts what was granted elsewhere, so that the share that is left is known if counting comes to be done here. */
  record(name: string, rate: Rate, cost: number): void {
    const asked = draft(rate, cost, 1 / this.replicas);
    const nowUs = this.nowUs();
    this.spend(name, asked, nowUs);
    // Together with the others one may have more than a share. It then has none left, and owes nothing.
    this.fullAtUs.set(name, Math.min(this.fullAt(name, nowUs), nowUs + asked.periodUs));
  }

  private spend(name: string, { spendUs }: Draft, nowUs: number): void {
    this.fullAtUs.set(name, this.fullAt(name, nowUs) + spendUs);
    this.sweep(nowUs);
  }

  private fullAt(name: string, nowUs: number): number {
    return Math.max(this.fullAtUs.get(name) ?? nowUs, nowUs);
  }

  private nowUs(): number {
    return Math.floor(this.nowMs() * 1_000);
  }

  /** Forgets the buckets that are full: they are as if they had never been used. */
  private sweep(nowUs: number): void {
    if (this.fullAtUs.size < this.sweepAt) return;
    for (const [name, fullAtUs] of this.fullAtUs) if (fullAtUs <= nowUs) this.fullAtUs.delete(name);
    this.sweepAt = Math.max(SWEEP_AT_LEAST, 2 * this.fullAtUs.size);
  }
}
