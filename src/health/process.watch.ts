import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';

const LOOK_EVERY_MS = 250;
// What a collection of garbage may take, or a machine that has much to do.
const BLOCKED_MS = 750;
const JUMPED_MS = 2_000;
const BLOCKED_FOR_MS = 20_000;
const JUMPED_FOR_MS = 5 * 60_000;

/** Something that happened to the process as a whole. */
export interface Upset {
  at: Date;
  /** How long it stood still, or by how much the clock was set: forth where positive. */
  ms: number;
}

/**
 * Looks whether this process gets to run, and whether its clock goes as time does. What stands still takes all of its
 * dependencies for slow, and a clock that was set takes credentials and certificates for wrong: they are not.
 */
@Injectable()
export class ProcessWatch implements OnApplicationBootstrap, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;
  private lastMs = 0;
  private lastWallMs = 0;
  private blockedAtMs = -Infinity;
  private jumpedAtMs = -Infinity;
  private lastBlock: Upset | undefined;
  private lastJump: Upset | undefined;

  onApplicationBootstrap(): void {
    [this.lastMs, this.lastWallMs] = [performance.now(), Date.now()];
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  /** The last time that it stood still, if that was a moment ago. */
  get blocked(): Upset | undefined {
    return performance.now() - this.blockedAtMs < BLOCKED_FOR_MS ? this.lastBlock : undefined;
  }

  /** The last time that the clock was set, if that was lately. */
  get jumped(): Upset | undefined {
    return performance.now() - this.jumpedAtMs < JUMPED_FOR_MS ? this.lastJump : undefined;
  }

  private look(): void {
    const [nowMs, wallMs] = [performance.now(), Date.now()];
    const stoodMs = nowMs - this.lastMs - LOOK_EVERY_MS;
    const setMs = wallMs - this.lastWallMs - (nowMs - this.lastMs);
    if (stoodMs > BLOCKED_MS) {
      this.blockedAtMs = nowMs;
      this.lastBlock = { at: new Date(), ms: Math.round(stoodMs) };
    }
    if (Math.abs(setMs) > JUMPED_MS) {
      this.jumpedAtMs = nowMs;
      this.lastJump = { at: new Date(), ms: Math.round(setMs) };
    }
    [this.lastMs, this.lastWallMs] = [nowMs, wallMs];
  }
}
