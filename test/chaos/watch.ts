import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Client } from './client.js';

const EVERY_MS = 50;

/** What readiness said, each time that it said something else of a dependency than before. */
export interface Turn {
  atMs: number;
  state: string;
}

/** Asks for readiness all the time, as a load balancer does, and remembers when what it says of a dependency changed. */
export class Watch {
  readonly turns: Turn[] = [];
  /** Probes that were not answered, or not at once. */
  slowestProbeMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  // How late this process itself is: no figure of the run can be better than that.
  readonly #loop = monitorEventLoopDelay({ resolution: 5 });

  constructor(
    private readonly client: Client,
    private readonly shownAs: RegExp,
  ) {}

  async start(): Promise<void> {
    this.#loop.enable();
    await this.look();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#loop.disable();
  }

  get latenessMs(): number {
    return this.#loop.max / 1e6;
  }

  /** When it was first shown as anything but up. */
  detectedMs(fromMs: number): number | undefined {
    return this.turns.find(({ atMs, state }) => atMs >= fromMs && state !== 'up')?.atMs;
  }

  private async look(): Promise<void> {
    const startedMs = performance.now();
    const { body } = await this.client.call('GET', '/api/v1/health/readiness');
    const atMs = performance.now();
    this.slowestProbeMs = Math.max(this.slowestProbeMs, atMs - startedMs);
    const checks = Object.entries(body.checks as Record<string, { status: string }>);
    const shown = checks.filter(([name]) => this.shownAs.test(name)).map(([, { status }]) => status);
    const state = shown.find((status) => status !== 'up') ?? 'up';
    if (this.turns.at(-1)?.state !== state) this.turns.push({ atMs, state });
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.look().catch((error: unknown) => {
        this.turns.push({ atMs: performance.now(), state: `no probe: ${String(error)}` });
      });
    }, EVERY_MS);
  }
}
