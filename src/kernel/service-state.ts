/** Operators keep callers away for a while. */
export interface Maintenance {
  since: Date;
  /** What callers are told. */
  detail: string;
  retryAfterMs: number;
}

/**
 * What the process as a whole is at, for whoever decides by it what a caller gets. Said by the lifecycle and by operators.
 */
export class ServiceState {
  readonly #stopping = new AbortController();
  readonly #ending = new AbortController();
  maintenance: Maintenance | undefined;

  /** Aborts when the process is told to stop: traffic is to go elsewhere, and what comes all the same is still answered. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Aborts when the time for what is under way is up: whatever still goes on is to end now. */
  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  stop(): void {
    this.#stopping.abort();
  }

  end(): void {
    this.stop();
    this.#ending.abort();
  }
}
