/**
 * How long one of several may take of the time that is left: all of it but what those behind it need. Each of them keeps
 * `roomMs`, or, where there is not so much, the same share as everybody. So the first of two with 30 s and a room of 8 s
 * may take 22 s, and the first of two with 4 s may take 2.
 * @param leftMs the time that is left for all of them; may be infinite
 * @param followers how many could be asked after this one
 */
export function shareOf(leftMs: number, followers: number, roomMs: number): number {
  return leftMs - followers * Math.min(roomMs, leftMs / (followers + 1));
}
