/**
 * One event of a text that is handed over as it comes. `meta`: who begins to write. `token`: a piece of the text, `data.text`.
 * `switch`: another goes on. `restart`: another begins anew, and the text up to here is void. `done`: it is whole. `error`:
 * it is not, and will not be. `shutdown`: this process is ending, and what has not ended by then will be cut off.
 */
export interface StreamEvent {
  event: 'meta' | 'token' | 'switch' | 'restart' | 'done' | 'error' | 'shutdown';
  data: Readonly<Record<string, unknown>>;
}
