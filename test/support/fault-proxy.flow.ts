import type { Socket } from 'node:net';
import type { Shape } from './fault-proxy.faults.js';

/** How a connection ends in one direction: politely, or by a reset. */
type Ending = 'fin' | 'reset';
type Item = { bytes: Buffer; dueMs: number } | { ending: Ending };

// What a kernel would keep for a server that does not read. Beyond it whoever sends has to wait.
const HELD_BYTES_MAX = 4 * 1_048_576;

/** One direction of one connection: takes bytes and endings in, and lets them out in order as the fault of the moment allows. */
export class Flow {
  #shape: Shape;
  readonly #queue: Item[] = [];
  #heldBytes = 0;
  #lastDueMs = 0;
  #freeAtMs = 0;
  #sinceShapeBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param came told when something has come in, whether or not it may go on
   * @param delivered told of what goes out, before the other end can answer to it
   * @param cut ends the whole connection
   */
  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    shape: Shape,
    came: () => void,
    private readonly delivered: (bytes: Buffer) => void,
    private readonly cut: (ending: Ending) => void,
  ) {
    this.#shape = shape;
    from.on('data', (bytes: Buffer) => {
      came();
      this.push(bytes);
    });
    from.on('end', () => this.pushEnding('fin'));
    from.on('error', () => this.pushEnding('reset'));
    to.on('drain', () => this.flow());
  }

  /** From now on the line is like this, for what it holds as well. */
  reshape(shape: Shape): void {
    this.#shape = shape;
    this.#freeAtMs = 0;
    this.#lastDueMs = 0;
    this.#sinceShapeBytes = 0;
    for (const item of this.#queue) if ('dueMs' in item) item.dueMs = 0;
    this.flow();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  private push(bytes: Buffer): void {
    // In order: what came later is never due before what came sooner.
    this.#lastDueMs = Math.max(this.#lastDueMs, performance.now() + this.#shape.delayMs());
    this.#queue.push({ bytes, dueMs: this.#lastDueMs });
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > HELD_BYTES_MAX) this.from.pause();
    this.flow();
  }

  private pushEnding(ending: Ending): void {
    this.#queue.push({ ending });
    this.flow();
  }

  private flow(): void {
    clearTimeout(this.#timer);
    while (this.#queue.length > 0) {
      const waitMs = this.waitMs(this.#queue[0]!);
      if (waitMs === Infinity) return;
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.flow(), waitMs);
        return;
      }
      if (!this.next()) return;
    }
  }

  /** How long the first in the queue has to stay; for ever if only a change, or the other end, can let it go. */
  private waitMs(item: Item): number {
    if (this.#shape.held || this.to.writableNeedDrain) return Infinity;
    const now = performance.now();
    // A timer of less than a millisecond would be one of a whole one.
    const dueInMs = 'dueMs' in item ? item.dueMs - now : 0;
    return Math.max(0, dueInMs, this.#freeAtMs - now);
  }

  /** Lets one piece out. @returns whether more may follow in this turn */
  private next(): boolean {
    const item = this.#queue[0]!;
    if ('ending' in item) {
      this.#queue.shift();
      if (item.ending === 'fin') this.to.end();
      else this.cut('reset');
      return item.ending === 'fin';
    }
    const { cut, pieceBytes, bytesPerS } = this.#shape;
    const allowed = cut === undefined ? Infinity : cut.afterBytes - this.#sinceShapeBytes;
    const piece = item.bytes.subarray(0, Math.min(pieceBytes, allowed));
    const rest = item.bytes.subarray(piece.length);
    if (rest.length === 0) this.#queue.shift();
    else item.bytes = rest;
    this.#heldBytes -= piece.length;
    if (this.#heldBytes <= HELD_BYTES_MAX && this.from.isPaused()) this.from.resume();
    this.#sinceShapeBytes += piece.length;
    this.delivered(piece);
    if (cut !== undefined && this.#sinceShapeBytes >= cut.afterBytes) {
      this.to.write(piece, () => this.cut(cut.end));
      return false;
    }
    this.to.write(piece);
    if (Number.isFinite(bytesPerS)) this.#freeAtMs = performance.now() + (1_000 * piece.length) / bytesPerS;
    if (!Number.isFinite(pieceBytes)) return true;
    // In a turn of its own, or the kernel would put the pieces together again.
    setImmediate(() => this.flow());
    return false;
  }
}
