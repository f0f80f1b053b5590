import { Knowledge1790000000000 } from '../../../migrations/1790000000000-knowledge.ts';

/** Every migration, in order. The same ones run on PostgreSQL and on PGlite. */
export const migrations = [Knowledge1790000000000];
