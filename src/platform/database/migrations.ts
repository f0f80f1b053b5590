import { Knowledge1790000000000 } from '../../../migrations/1790000000000-knowledge.ts';
import { Tenancy1791000000000 } from '../../../migrations/1791000000000-tenancy.ts';
import { Idempotency1791000000001 } from '../../../migrations/1791000000001-idempotency.ts';
import { ApiKeys1792000000000 } from '../../../migrations/1792000000000-api-keys.ts';
import { Interviews1792000000001 } from '../../../migrations/1792000000001-interviews.ts';
import { Recommendations1792000000002 } from '../../../migrations/1792000000002-recommendations.ts';
import { Generation1792000000003 } from '../../../migrations/1792000000003-generation.ts';
import { Chat1792000000004 } from '../../../migrations/1792000000004-chat.ts';
import { KnowledgeVersions1792000000010 } from '../../../migrations/1792000000010-knowledge-versions.ts';
import { SourceUrl1792000000020 } from '../../../migrations/1792000000020-source-url.ts';
import { QuestionArrays1793000000000 } from '../../../migrations/1793000000000-question-arrays.ts';
import { ExitCode } from '../../kernel/exit-code.js';

/** Every migration, in order. The same ones run on PostgreSQL and on PGlite. */
export const migrations = [
  Knowledge1790000000000,
  Tenancy1791000000000,
  Idempotency1791000000001,
  ApiKeys1792000000000,
  Interviews1792000000001,
  Recommendations1792000000002,
  Generation1792000000003,
  Chat1792000000004,
  KnowledgeVersions1792000000010,
  SourceUrl1792000000020,
  QuestionArrays1793000000000,
];

/** The one that a database of this version has. */
export const NEWEST_MIGRATION = migrations.at(-1)!.name;

/** The database does not have the newest migration: somebody put back an older state of it. */
export class SchemaBehind extends Error {
  constructor() {
    super(`The database lacks the migration ${NEWEST_MIGRATION}: it was put back to an older state`);
    this.name = 'SchemaBehind';
  }
}

/** A migration did not succeed. Nothing of it was kept. */
export class MigrationFailed extends Error {
  readonly exitCode = ExitCode.schema;

  constructor(cause: unknown) {
    super(
      `The schema could not be brought up to date, and nothing of the migration that failed was kept (${(cause as Error).message}). ` +
        'Mend what it names, or restore the database from a backup, and start again.',
      { cause },
    );
    this.name = 'MigrationFailed';
  }
}

/** What became of the schema, in words. */
export function outcomeOf(done: readonly unknown[]): string {
  return done.length === 0 ? 'schema is up to date' : `${done.length} migrations were run`;
}
