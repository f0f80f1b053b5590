import { IMPORTANCE, type Importance } from './importance.js';
import { Place } from './place.js';
import { Throughput } from './throughput.js';
import { UsualTimes } from './usual.times.js';
import { WaitingLine } from './waiting.line.js';

// However slow it is, so many at once are no overload: a page of an application that opens, a batch of somebody's.
const CROWD_MIN = 128;
// Where a store has no connection left and fewer than this are under way, it is not they who hold them.
const MANY = 32;
// And so many are let in however much there is to do.
const LIMIT_MIN = 4;
// With so many times as many under way as keep it busy, each takes so many times as long as it usually does.
const GAIN = 1.3;
const MORE_IMPORTANT: Record<Importance, readonly Importance[]> = {
  ingest: ['generate', 'chat', 'feedback'],
  generate: ['chat', 'feedback'],
  chat: ['feedback'],
  feedback: [],
};
// What a request takes by itself is seen only while next to none are under way: so often it is looked for that.
const LOOK_EVERY_MS = 15_000;
const LOOK_LIMIT = 2;
const LOOK_SAMPLES = 10;
const LOOK_MAX_MS = 2_000;
// What was let in before is waited for. What takes longer than this does not wait for others.
const DRAIN_MAX_MS = 5_000;
// Times vary; what is twice as slow has become slow.
const MUCH = 2;
// Over when nobody had to be refused for so long.
const CALM_AFTER_MS = 2_000;
const LINE_MAX = 200;
// What is refused is refused soon; what may not be lost waits until those before it are done.
const WAIT_MS: Record<Importance, number> = { ingest: 30, generate: 30, chat: 30, feedback: 1_000 };

export interface GateOptions {
  /** How long those under way may take together before there are too many of them; 0 for no limit. */
  queueMs: number;
  /** Told when too much begins to be asked, and when it no longer is. */
  changed: (gate: Gate) => void;
}

interface Asked {
  importance: Importance;
  /** What is comparable with it: its route. */
  kind: string;
}

/** Something for each importance. */
function forEach<T>(make: () => T): Record<Importance, T> {
  return { ingest: make(), generate: make(), chat: make(), feedback: make() };
}

/** What was seen while next to nobody was let in. */
interface Look {
  sinceMs: number;
  samples: number;
  ownMs: number;
  usualMs: number;
}

/**
 * Lets requests in, all of them until there are more than get done in time, and then as many as keep it busy: with fewer
 * something would stand idle, and with more each would only take longer.
 *
 * That number is measured, and needs no setting: throughput × usual time × 1.3, as TCP BBR sizes its window by bandwidth ×
 * round trip (Cardwell et al., ACM Queue 14/5, 2016). As BBR does, it lets next to nobody in for a moment now and then, to
 * see what the usual time is. Where that is long because a store is slow, and not because it is busy, as many more are let in.
 */
export class Gate {
  readonly #usual = new UsualTimes();
  readonly #line = new WaitingLine(LINE_MAX);
  #active = 0;
  readonly #by = forEach(() => ({ active: 0, returned: 0, throughput: new Throughput() }));
  #limit: number;
  #lookAtMs = 0;
  #look: Look | undefined;
  /** Of those that are active, how many take so long that it is not for others that they wait. */
  #endless = 0;
  #since: Date | undefined;
  #refusedAtMs = 0;

  constructor(private readonly options: GateOptions) {
    this.#limit = this.crowd();
  }

  /** When too much began to be asked; undefined while it is not. */
  get overloadedSince(): Date | undefined {
    return this.#since;
  }
  get active(): number {
    return this.#active;
  }
  get limit(): number {
    return this.#limit;
  }
  get waiting(): number {
    return this.#line.length;
  }

  /**
   * Lets a request in, at once or in a moment.
   * @param kind what is comparable with it: its route
   * @returns undefined when it is refused
   */
  enter(importance: Importance, kind: string): Place | Promise<Place | undefined> {
    if (!this.hasRoom(importance)) return this.wait(importance, kind);
    this.take(importance);
    return this.newPlace({ importance, kind });
  }

  /** Whether it is known that there is too much, and no room for this now. */
  isFull(importance: Importance): boolean {
    if (this.#since === undefined || this.hasRoom(importance)) return false;
    this.#refusedAtMs = performance.now();
    return true;
  }

  private async wait(importance: Importance, kind: string): Promise<Place | undefined> {
    this.crowded();
    if (await this.#line.wait(importance, WAIT_MS[importance])) return this.newPlace({ importance, kind });
    this.#refusedAtMs = performance.now();
    return undefined;
  }

  private newPlace(asked: Asked): Place {
    const of = this.#by[asked.importance];
    let returned = 0;
    return new Place({
      leave: () => {
        this.#active -= 1;
        of.active -= 1;
        of.returned -= returned;
        returned = 0;
        this.fill();
      },
      // It was let in already: it goes on, and others wait for that.
      back: () => {
        this.take(asked.importance);
        of.returned += 1;
        returned = 1;
      },
      finished: (ownMs, well, startedMs) => this.finished(asked, ownMs, well, startedMs),
    });
  }

  private take(importance: Importance): void {
    this.#active += 1;
    this.#by[importance].active += 1;
  }

  /** A store has no connection left for one of those under way. */
  exhausted(): void {
    if (this.#active >= MANY) this.crowded();
  }

  private crowded(): void {
    if (this.#since !== undefined || this.options.queueMs === 0) return;
    this.#since = new Date();
    this.#refusedAtMs = performance.now();
    this.#lookAtMs = this.#refusedAtMs;
    this.#look = undefined;
    this.#endless = 0;
    this.#limit = LOOK_LIMIT;
    this.options.changed(this);
  }

  /** Ends a window of `tookMs`: what was measured in it decides how many are let in during the next. */
  look(tookMs: number): void {
    // While next to nobody is let in little gets done: that is no measure.
    const isMeasure = this.#lookAtMs > performance.now() || this.#since === undefined;
    for (const { throughput } of Object.values(this.#by))
      if (isMeasure) throughput.next(tookMs);
      else throughput.skip();
    if (this.#since !== undefined && performance.now() - this.#refusedAtMs > CALM_AFTER_MS) {
      this.#since = undefined;
      this.options.changed(this);
    }
    if (this.#since === undefined) this.#limit = this.crowd();
    else this.adapt();
    this.fill();
  }

  private adapt(): void {
    this.#usual.forgetRise();
    const nowMs = performance.now();
    const looking = nowMs >= this.#lookAtMs && !this.looked(nowMs);
    this.#limit = this.#endless + (looking ? LOOK_LIMIT : Math.min(this.busy(), this.crowd()));
  }

  /** Looks what requests take that wait behind nobody. @returns whether it has been seen */
  private looked(nowMs: number): boolean {
    if (this.#look === undefined) {
      if (this.#active <= LOOK_LIMIT) this.#endless = 0;
      else if (nowMs - this.#lookAtMs > DRAIN_MAX_MS) this.#endless = this.#active;
      else return false;
      this.#look = { sinceMs: nowMs, samples: 0, ownMs: 0, usualMs: 0 };
      return false;
    }
    const { sinceMs, samples, ownMs, usualMs } = this.#look;
    if (samples < LOOK_SAMPLES && nowMs - sinceMs < LOOK_MAX_MS) return false;
    const slower = ownMs / usualMs;
    if (slower > MUCH || slower < 1 / MUCH) {
      this.#usual.scale(slower);
      for (const { throughput } of Object.values(this.#by)) throughput.scale(slower);
    }
    this.#look = undefined;
    this.#lookAtMs = nowMs + LOOK_EVERY_MS;
    return true;
  }

  /** What is less important leaves as much room for what is more so as that has lately used. */
  private hasRoom(importance: Importance): boolean {
    if (this.#since === undefined) return this.#active < this.#limit;
    const above = MORE_IMPORTANT[importance];
    const kept = this.workOf(above);
    let [before, among] = [0, 0];
    for (const other of IMPORTANCE) {
      const { active, returned } = this.#by[other];
      if (above.includes(other)) before += active;
      // What has come back is done whatever is let in: it is in the way of nothing that is more important.
      else among += other === importance ? active : active - returned;
    }
    return before + among < this.#limit && among < this.#limit - kept;
  }

  /** How many of these would be under way if none of them waited. */
  private workOf(importances: readonly Importance[]): number {
    return importances.reduce((sum, importance) => sum + this.#by[importance].throughput.work, 0);
  }

  private fill(): void {
    for (;;) {
      const admitted = this.#line.admit((importance) => this.hasRoom(importance));
      if (admitted === undefined) return;
      this.take(admitted);
    }
  }

  private finished({ importance, kind }: Asked, ownMs: number, well: boolean, startedMs: number): void {
    if (well) this.#usual.record(kind, ownMs, this.#active <= this.busy());
    const usualMs = this.#usual.of(kind);
    this.#by[importance].throughput.finished(Math.min(ownMs, usualMs ?? 0));
    if (!well || usualMs === undefined || this.#look === undefined || startedMs < this.#look.sinceMs) return;
    this.#look.samples += 1;
    this.#look.ownMs += ownMs;
    this.#look.usualMs += usualMs;
  }

  private crowd(): number {
    const { queueMs } = this.options;
    if (queueMs === 0) return Infinity;
    let done = 0;
    for (const { throughput } of Object.values(this.#by)) done += throughput.within(queueMs);
    return Math.max(CROWD_MIN, Math.round(done));
  }

  /** As many as keep it busy. */
  private busy(): number {
    return Math.max(LIMIT_MIN, Math.round(GAIN * this.workOf(IMPORTANCE)));
  }
}
