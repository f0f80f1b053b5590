import { fileURLToPath } from 'node:url';

/** What can be taken out of the service, to see whether the kit would notice. */
interface Policy {
  what: string;
  /** Rows of which at least one must turn red without it. */
  rows: readonly string[];
}

export const policies = {
  'retry-filter': {
    what: 'which calls may be tried again: without it all are, also a write whose answer was lost',
    rows: ['postgres/lose-commits'],
  },
  circuit: {
    what: 'the circuit: without it every caller finds out by himself',
    rows: ['qdrant/black-hole', 'postgres/stop'],
  },
  timeout: {
    what: 'the time limit of an attempt',
    rows: ['qdrant/black-hole'],
  },
  bulkhead: {
    what: 'how many calls may be under way at once',
    rows: ['llm-primary/latency-1000'],
  },
  'hard-client': {
    what: 'the PostgreSQL client that never goes back to the pool in an unknown state',
    rows: ['postgres/silent'],
  },
  budget: {
    what: 'how many retries there may be in all',
    rows: ['embeddings/status-500-most'],
  },
} satisfies Record<string, Policy>;

export type PolicyName = keyof typeof policies;

/** The module that takes it out of the built service, before the service is loaded. */
export function preloadOf(name: PolicyName): string {
  return fileURLToPath(new URL(`without/${name}.mjs`, import.meta.url));
}
