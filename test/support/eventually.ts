/** A condition that did not come true in time. Its cause is the error that the condition ended with last, if it did. */
export class NeverCame extends Error {
  constructor(what: string, timeoutMs: number, cause: unknown) {
    const last = cause instanceof Error ? `: ${cause.message}` : '';
    super(`${what} did not come true within ${timeoutMs} ms${last}`, { cause });
    this.name = 'NeverCame';
  }
}

interface Patience {
  timeoutMs?: number;
  everyMs?: number;
  /** What is waited for, in the words of the failure. */
  what?: string;
}

/** Asks again and again until the condition gives anything but `false` or `undefined`. @returns what it gave */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 20_000, everyMs = 20, what = 'The condition' }: Patience = {},
): Promise<Exclude<T, undefined | false>> {
  const endsMs = performance.now() + timeoutMs;
  let failure: unknown;
  for (;;) {
    try {
      const result = await condition();
      if (result !== undefined && result !== false) return result as Exclude<T, undefined | false>;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    if (performance.now() >= endsMs) throw new NeverCame(what, timeoutMs, failure);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** The same for a condition that throws until it holds, as an `expect` does. */
export async function eventuallyHolds(condition: () => unknown, patience?: Patience): Promise<void> {
  await eventually(async () => {
    await condition();
    return true;
  }, patience);
}
