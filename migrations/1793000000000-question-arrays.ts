import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Questions are found by a skill, and by the roles that they may be put to, without a look at all of the tenant's. */
export class QuestionArrays1793000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create index questions_by_skill on questions using gin (required_skills)`);
    await runner.query(`create index questions_by_role on questions using gin (role_keys)`);
    // As for full text (1791000000000): without the mark PostgreSQL uses an index behind the policy alone. Both functions say
    // nothing of what they compared, and the arrays of this service are of plain types. A superuser alone may set it.
    await runner.query(`
      do $$ begin
        alter function arrayoverlap(anyarray, anyarray) leakproof;
        alter function arraycontains(anyarray, anyarray) leakproof;
      exception when insufficient_privilege then null;
      end $$`);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup, or write a migration that mends it');
  }
}
