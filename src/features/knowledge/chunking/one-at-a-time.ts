/** Runs pieces of work one after another, in the order they came. */
export class OneAtATime {
  private last: Promise<void> = Promise.resolve();

  /** An abort while waiting rejects at once with the signal's reason; in the work, the signal is the work's matter. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const previous = this.last;
    let finish = (): void => {};
    const own = new Promise<void>((resolve) => {
      finish = resolve;
    });
    this.last = previous.then(() => own);
    try {
      await orAborted(previous, signal);
      return await work();
    } finally {
      finish();
    }
  }
}

function orAborted(previous: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return previous;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    void previous.then(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
  });
}
