/** `up`: what the client sends to the server. `down`: what the server answers. */
export type Direction = 'up' | 'down';

/**
 * What can be wrong with a line, or with whoever stands at the other end of it. Without a `direction` both are meant.
 *
 * Bytes of a connection are held and never lost: TCP knows no gap. What is lost is a connection as a whole.
 */
export type LineFault =
  /** Each chunk arrives so much later, give or take the jitter, and in order. */
  | { kind: 'latency'; ms: number; jitterMs?: number; direction?: Direction }
  /** Nothing arrives any more. All of it does when the line is healed. */
  | { kind: 'hang'; direction?: Direction }
  /** New connections are accepted and nobody answers, established ones fall silent. Healed as a hang is. */
  | { kind: 'black_hole' }
  /** Those who were connected fall silent for ever, as when a router forgets them; new connections are well. */
  | { kind: 'half_open' }
  /** Nobody listens, and who was connected is cut off. */
  | { kind: 'refuse' }
  /** `connect`: who connects is reset at once. `established`: as soon as the client has sent something. */
  | { kind: 'reset'; on: 'connect' | 'established' }
  | { kind: 'bandwidth'; bytesPerS: number; direction?: Direction }
  /** Arrives in pieces so small. */
  | { kind: 'slice'; bytes: number; direction?: Direction }
  /** Each connection ends after so many more bytes. */
  | { kind: 'truncate'; afterBytes: number; end: 'fin' | 'reset'; direction?: Direction }
  /** What was asked in these words is done by the server, and each `every`th time the connection is cut before it can say so. */
  | { kind: 'lose_reply'; to: RegExp; every: number }
  /** Well for a while and then not, again and again. It begins with the fault. */
  | { kind: 'flap'; upMs: number; downMs: number; fault: LineFault };

/** What a fault does to one direction of one connection. */
export interface Shape {
  held: boolean;
  delayMs: () => number;
  bytesPerS: number;
  pieceBytes: number;
  cut?: { afterBytes: number; end: 'fin' | 'reset' };
}

const PASS: Shape = { held: false, delayMs: () => 0, bytesPerS: Infinity, pieceBytes: Infinity };

/** @param fault undefined while the line is well */
export function shapeOf(fault: LineFault | undefined, direction: Direction): Shape {
  if (fault === undefined) return PASS;
  if ('direction' in fault && fault.direction !== undefined && fault.direction !== direction) return PASS;
  switch (fault.kind) {
    case 'latency': {
      const { ms, jitterMs = 0 } = fault;
      return { ...PASS, delayMs: () => Math.max(0, ms + jitterMs * (2 * Math.random() - 1)) };
    }
    case 'hang':
    case 'black_hole':
      return { ...PASS, held: true };
    case 'bandwidth':
      // Twenty pieces a second: slow, and not in bursts.
      return {
        ...PASS,
        bytesPerS: fault.bytesPerS,
        pieceBytes: Math.max(1, Math.floor(fault.bytesPerS / 20)),
      };
    case 'slice':
      return { ...PASS, pieceBytes: fault.bytes };
    case 'truncate':
      // One end cuts the line; were both to count, a long question would be cut instead of its answer.
      return direction === (fault.direction ?? 'down') ? { ...PASS, cut: fault } : PASS;
    default:
      return PASS;
  }
}
