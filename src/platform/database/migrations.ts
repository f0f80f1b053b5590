import { Knowledge1790000000000 } from '../../../migrations/1790000000000-knowledge.ts';
import { Tenancy1791000000000 } from '../../../migrations/1791000000000-tenancy.ts';
import { Idempotency1791000000001 } from '../../../migrations/1791000000001-idempotency.ts';

/** Every migration, in order. The same ones run on PostgreSQL and on PGlite. */
export const migrations = [Knowledge1790000000000, Tenancy1791000000000, Idempotency1791000000001];
