/**
 * How much is lost when a kind of work is refused, the least first. Probes and operators stand above all of it: they are
 * never refused, and so have no place in here.
 */
export const IMPORTANCE = ['ingest', 'generate', 'chat', 'feedback'] as const;

export type Importance = (typeof IMPORTANCE)[number];

/**
 * What a kind of work goes by beside this process: its stores, or models alone. They are kept apart, so that a database
 * that is slow holds nothing up that needs none.
 */
export const LANES = ['stores', 'models'] as const;

export type Lane = (typeof LANES)[number];
