import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

export interface ReplyHead {
  status: number;
  headers: IncomingHttpHeaders;
}

type Controller = Dispatcher.DispatchController;

// Whoever reads slower than the provider writes leaves no more than this in memory; the rest stays with the provider.
const UNREAD_BYTES_MAX = 64 * 1_024;
const TIMER_MAX_MS = 0x7fffffff;

/**
 * One request and its reply, as undici hands it over. `undici.request` would put a stream of Node's in between, which costs
 * more than all else that is done for a short reply, and hands on one by one what came together.
 *
 * Its errors are those of the connection, the reason of the signal, and that it was late.
 */
export class ProviderExchange implements Dispatcher.DispatchHandler {
  readonly #head = Promise.withResolvers<ReplyHead>();
  #controller: Controller | undefined;
  #unread: Buffer[] = [];
  #unreadBytes = 0;
  #over: 'whole' | { error: unknown } | undefined;
  #wake: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param signal ends it, and what is read of it */
  constructor(private readonly signal: AbortSignal | undefined) {
    // It may fail when nobody waits for its head any more.
    this.#head.promise.catch(() => {});
    if (signal?.aborted === true) this.onAbort();
    else signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  /** It ends like this when it is not over in so long. */
  endAfter(ms: number, late: (afterMs: number) => Error): void {
    // Over before it began; or more than a timer can hold, where nothing limits it.
    if (this.#over !== undefined || ms > TIMER_MAX_MS) return;
    const waitMs = Math.max(0, ms);
    this.#timer = setTimeout(() => this.end(late(waitMs)), waitMs);
  }

  /** The status and the headers. */
  get head(): Promise<ReplyHead> {
    return this.#head.promise;
  }

  /** All that came since the last time, and if that is nothing what comes next; undefined at the end of the reply. */
  async next(): Promise<Buffer | undefined> {
    while (this.#unread.length === 0 && this.#over === undefined)
      await new Promise<void>((wake) => (this.#wake = wake));
    if (typeof this.#over === 'object') throw this.#over.error;
    if (this.#unread.length === 0) return undefined;
    const bytes = this.#unread.length === 1 ? this.#unread[0]! : Buffer.concat(this.#unread);
    this.#unread = [];
    this.#unreadBytes = 0;
    if (this.#controller?.paused === true) this.#controller.resume();
    return bytes;
  }

  /** Nobody reads on: a connection on which more would come is given up. */
  close(): void {
    // After most replies nothing more would come, and an error is dear: it looks where it was made.
    if (this.#over === undefined) this.end(new Error('Nobody reads on'));
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    // It had to wait for a connection, and was over before it had one.
    if (typeof this.#over === 'object') controller.abort(this.#over.error as Error);
  }

  onResponseStart(_controller: Controller, status: number, headers: IncomingHttpHeaders): void {
    if (status >= 200) this.#head.resolve({ status, headers });
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.#unread.push(chunk);
    this.#unreadBytes += chunk.length;
    if (this.#unreadBytes > UNREAD_BYTES_MAX) controller.pause();
    this.#wake?.();
  }

  onResponseEnd(): void {
    this.settle('whole');
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.settle({ error });
  }

  private readonly onAbort = (): void => this.end(this.signal!.reason);

  private end(error: unknown): void {
    this.settle({ error });
    this.#controller?.abort(error as Error);
  }

  private settle(over: 'whole' | { error: unknown }): void {
    if (this.#over !== undefined) return;
    this.#over = over;
    clearTimeout(this.#timer);
    this.signal?.removeEventListener('abort', this.onAbort);
    if (over !== 'whole') this.#head.reject(over.error);
    this.#wake?.();
  }
}
