import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Job descriptions, questions for interviews, and which question was suggested for which job. */
export class Interviews1792000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table job_descriptions (
        id uuid primary key,
        business_id text not null,
        role text not null,
        description text not null,
        metadata jsonb not null default '{}',
        created_at timestamptz not null default now()
      )`);
    await runner.query(`create index job_descriptions_by_tenant on job_descriptions (business_id, id)`);
    // A question is a document with more to it: whoever removes the document removes the question.
    await runner.query(`
      create table questions (
        id uuid primary key references documents (id) on delete cascade,
        business_id text not null,
        text text not null,
        -- The text without what does not make it another question: case, blanks and punctuation. Hashed.
        text_sha256 text not null,
        category text not null,
        difficulty text not null check (difficulty in ('easy', 'medium', 'hard')),
        required_skills text[] not null,
        compatible_roles text[] not null,
        -- The same roles as they are compared; '*' where it is for all of them.
        role_keys text[] not null,
        source text not null check (source in ('stored', 'generated')),
        -- What wrote it, where that was a model.
        model text,
        -- For how many jobs: the rows of question_uses, counted where they are added.
        times_suggested integer not null default 0,
        created_at timestamptz not null default now(),
        constraint questions_written_by check ((source = 'generated') = (model is not null))
      )`);
    await runner.query(`create index questions_by_tenant on questions (business_id, id)`);
    await runner.query(`create index questions_by_kind on questions (business_id, category, difficulty)`);
    await runner.query(
      `create index questions_by_popularity on questions (business_id, times_suggested desc, id desc)`,
    );
    await runner.query(`create index questions_by_text on questions (business_id, text_sha256)`);
    // One row a question and job, so that asking again for the same job does not make a question more popular.
    await runner.query(`
      create table question_uses (
        business_id text not null,
        question_id uuid not null references questions (id) on delete cascade,
        job_id uuid not null references job_descriptions (id) on delete cascade,
        created_at timestamptz not null default now(),
        primary key (question_id, job_id)
      )`);
    await runner.query(`create index question_uses_by_tenant on question_uses (business_id, question_id)`);
    await runner.query(`create index question_uses_by_job on question_uses (job_id)`);
    await runner.query(
      `select separate_tenants('job_descriptions'), separate_tenants('questions'), separate_tenants('question_uses')`,
    );
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup, or write a migration that mends it');
  }
}
