import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What was generated, and what people said of it. Nothing that anybody said is ever changed: a later word takes its place. */
export class Generation1792000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table generations (
        id uuid primary key,
        business_id text not null,
        content_type text not null,
        topic text not null,
        voice text not null,
        content text not null,
        citations jsonb not null,
        answer_level text not null,
        retrieval text not null,
        degraded_because jsonb not null,
        verified boolean not null,
        model text,
        usage jsonb,
        truncated boolean not null,
        learned_from uuid[] not null,
        created_at timestamptz not null default now()
      )`);
    await runner.query(
      `create index generations_by_content_type on generations (business_id, content_type, id)`,
    );
    await runner.query(`
      create table feedback (
        id uuid primary key,
        business_id text not null,
        generation_id uuid not null references generations (id) on delete cascade,
        approved boolean not null,
        score double precision not null check (score between 0 and 10),
        comment text not null,
        created_at timestamptz not null default now(),
        superseded_at timestamptz
      )`);
    await runner.query(
      `create unique index feedback_that_holds on feedback (business_id, generation_id) where superseded_at is null`,
    );
    await runner.query(`select separate_tenants('generations'), separate_tenants('feedback')`);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup, or write a migration that mends it');
  }
}
