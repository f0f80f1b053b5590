import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { AppError } from '../../kernel/app-error.js';
import { sleep } from '../../kernel/abort.js';
import { events } from '../../telemetry/events.js';
import { Metrics } from '../../telemetry/metrics.js';
import { Dependencies } from '../dependencies.js';
import { Gate } from './gate.js';
import { type Importance, LANES, type Lane } from './importance.js';
import type { Place } from './place.js';

const WINDOW_MS = 250;
// Work in the background makes way for so long each time, and then goes on: it must not stand still for ever.
const MAKE_WAY_MAX_MS = 10_000;
// Whoever was refused comes again, and not all in the same second.
const RETRY_AFTER_MIN_MS = 1_000;
const RETRY_AFTER_SPREAD_MS = 2_000;

/** How a lane stands with what is asked of it. */
export interface LaneReport {
  overloaded_since: string | null;
  /** Requests under way that wait for this process and its stores alone: those at a model are not counted. */
  active: number;
  /** How many there may be before any is refused; null for no limit. */
  limit: number | null;
  waiting: number;
  /** Since the start, by importance. */
  refused: Record<Importance, number>;
}

/**
 * Decides how many requests are worked on at a time, so that a process with more to do than it can does what it can.
 *
 * A queue that does not grow serves everybody, if later: nobody is refused for it. When more are under way than get done
 * in `OVERLOAD_QUEUE_MS`, or there are many and the database has no connection left for one, it grows, and to let it would serve
 * nobody in time. From then on only as many are let in as keep the process busy, the most important first; the others are
 * refused soon, and told when to come again. What is at a model, which is not this process's to speed up, holds no place.
 */
@Injectable()
export class Load implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Load');
  private readonly gates: Record<Lane, Gate>;
  private readonly refused: Record<Lane, Record<Importance, number>> = { stores: none(), models: none() };
  private timer: NodeJS.Timeout | undefined;
  private windowAtMs = performance.now();

  constructor(
    settings: Settings,
    private readonly metrics: Metrics,
    dependencies: Dependencies,
  ) {
    const newGate = (lane: Lane) =>
      new Gate({ queueMs: settings.OVERLOAD_QUEUE_MS, changed: (gate) => this.say(lane, gate) });
    this.gates = { stores: newGate('stores'), models: newGate('models') };
    dependencies.onFault((reason) => {
      if (reason === 'pool_exhausted') this.gates.stores.exhausted();
    });
  }

  onApplicationBootstrap(): void {
    this.windowAtMs = performance.now();
    this.timer = setInterval(() => this.look(), WINDOW_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** Since when too much is asked of a lane; undefined while it is of none. */
  get overloadedSince(): Date | undefined {
    return LANES.map((lane) => this.gates[lane].overloadedSince)
      .filter((since) => since !== undefined)
      .toSorted((a, b) => a.getTime() - b.getTime())[0];
  }

  report(): Record<Lane, LaneReport> {
    const of = (lane: Lane) => {
      const { overloadedSince, active, limit, waiting } = this.gates[lane];
      return {
        overloaded_since: overloadedSince?.toISOString() ?? null,
        active,
        limit: Number.isFinite(limit) ? limit : null,
        waiting,
        refused: { ...this.refused[lane] },
      };
    };
    return { stores: of('stores'), models: of('models') };
  }

  /**
   * Lets a request in, at once or in a moment.
   * @param kind what is comparable with it: its route
   * @throws AppError overloaded
   */
  enter(lane: Lane, importance: Importance, kind: string): Place | Promise<Place> {
    const entered = this.gates[lane].enter(importance, kind);
    return entered instanceof Promise ? this.orRefused(entered, lane, importance) : entered;
  }

  private async orRefused(
    waited: Promise<Place | undefined>,
    lane: Lane,
    importance: Importance,
  ): Promise<Place> {
    const place = await waited;
    if (place !== undefined) return place;
    throw this.refusal(lane, importance);
  }

  /**
   * For what costs much before it can be let in: a body that must be read first.
   * @throws AppError overloaded when it would have to wait
   */
  assertRoom(lane: Lane, importance: Importance): void {
    if (this.gates[lane].isFull(importance)) throw this.refusal(lane, importance);
  }

  private refusal(lane: Lane, importance: Importance): AppError {
    this.refused[lane][importance] += 1;
    this.metrics.count('shed', { lane, importance });
    const detail = 'This process has more to do than it can. Nothing was begun: try again after Retry-After';
    return new AppError('overloaded', detail, {
      retryAfterMs: RETRY_AFTER_MIN_MS + Math.random() * RETRY_AFTER_SPREAD_MS,
    });
  }

  /** Waits, before something in the background is begun, until those who are waited for are no longer refused. */
  async makeWay(signal: AbortSignal): Promise<void> {
    const endMs = performance.now() + MAKE_WAY_MAX_MS;
    while (this.overloadedSince !== undefined && performance.now() < endMs) await sleep(WINDOW_MS, signal);
  }

  private look(): void {
    const nowMs = performance.now();
    for (const lane of LANES) this.gates[lane].look(nowMs - this.windowAtMs);
    this.windowAtMs = nowMs;
  }

  private say(lane: Lane, { overloadedSince, active }: Gate): void {
    const refused = { ...this.refused[lane] };
    const facts = {
      event: events.loadChanged,
      lane,
      overloaded: overloadedSince !== undefined,
      active,
      refused,
    };
    if (overloadedSince === undefined) this.logger.log(facts, `${lane}: no longer overloaded`);
    else
      this.logger.warn(
        facts,
        `${lane}: overloaded, ${active} requests are under way. What is less important is refused`,
      );
  }
}

function none(): Record<Importance, number> {
  return { ingest: 0, generate: 0, chat: 0, feedback: 0 };
}
