import type { Reason } from './dependency-error.js';

const REMEDIES: Partial<Record<Reason, string>> = {
  unreachable: 'Is it running, and does its URL name the right host and port?',
  hung: 'It accepts connections and does not answer: look at its log and its load.',
  timeout: 'It does not answer in time: look at its log and its load.',
  slow: 'It answers too slowly: look at its load.',
  rate_limited:
    'It allows fewer calls than are made: ask for a higher limit, or name another provider behind it.',
  quota: 'What was paid for is used up: add credit, or name another provider.',
  unauthorized: 'Are user, password or key, and what its URL names right?',
  overloaded: 'It has too much to do: look at its load.',
  read_only: 'It is a replica: name the primary.',
  storage_full: 'Its disk is full: make room.',
  pool_exhausted: 'All of its connections are taken: see who holds them.',
  schema:
    'Its tables are not those of this version: start the service once more, which brings them up to date.',
  mismatch: 'Its vectors are those of another model: set the embedder back, or run: npm run cli -- rebuild',
  not_installed: 'It lacks a part that is needed: the message names it.',
};

/** What to do about a dependency that is not well for this reason, in a sentence; undefined where only its log can tell. */
export function remedyOf(reason: Reason): string | undefined {
  return REMEDIES[reason];
}
