import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What is known of users: what they are interested in, and what they have seen, liked and disliked. */
export class Recommendations1792000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table user_patterns (
        id uuid primary key,
        business_id text not null,
        user_id text not null,
        pattern_data jsonb not null,
        created_at timestamptz not null default now()
      )`);
    await runner.query(`create index user_patterns_by_user on user_patterns (business_id, user_id, id)`);
    // What a pattern says of each thing, as rows: what a user has seen is left out however long ago it was said.
    await runner.query(`
      create table pattern_contents (
        business_id text not null,
        pattern_id uuid not null references user_patterns (id) on delete cascade,
        user_id text not null,
        -- The id of a document, or its external_id; it need not be there yet.
        content text not null,
        -- The same, where it can be an id.
        document_id uuid generated always as (
          case when content ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then content::uuid end
        ) stored,
        verdict text not null check (verdict in ('viewed', 'liked', 'disliked')),
        primary key (pattern_id, content)
      )`);
    await runner.query(
      `create index pattern_contents_by_user on pattern_contents (business_id, user_id, content)`,
    );
    await runner.query(`create index pattern_contents_by_age on pattern_contents (business_id, pattern_id)`);
    await runner.query(`select separate_tenants('user_patterns'), separate_tenants('pattern_contents')`);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup, or write a migration that mends it');
  }
}
