/** A position in the write-ahead log, as a number of bytes. */
export type Position = bigint;

interface Mark {
  position: Position;
  atMs: number;
}

// At one a second, a replica that is behind by ten minutes is still known to be catching up.
const MARKS_MAX = 600;

/**
 * How far a replica is behind at most, in time of our own clock. Neither of the server's own measures will do: the age of the
 * last transaction replayed grows while nobody writes, and all that was received being replayed says nothing when the line
 * to the primary is dead. So the primary's log is marked now and then, and the replica is as fresh as the last mark that it
 * has passed.
 */
export class ReplicaLag {
  private marks: Mark[] = [];
  private freshAtMs = -Infinity;

  /** @param atMs when the primary had written at least so much */
  mark(position: Position, atMs: number): void {
    this.marks.push({ position, atMs });
    // The oldest goes: the replica then passes for older than it is, never for fresher.
    if (this.marks.length > MARKS_MAX) this.marks.shift();
  }

  /** The replica has done everything up to here. */
  passed(position: Position): void {
    const left = this.marks.findIndex((mark) => mark.position > position);
    const behind = this.marks.splice(0, left === -1 ? this.marks.length : left);
    this.freshAtMs = behind.at(-1)?.atMs ?? this.freshAtMs;
  }

  /** It is not a replica of this primary any more, or not known to be. */
  forget(): void {
    this.marks = [];
    this.freshAtMs = -Infinity;
  }

  /** Everything that was committed longer ago than this is in the replica; Infinity while nothing is known. */
  atMostMs(nowMs: number): number {
    return nowMs - this.freshAtMs;
  }
}
