import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Documents and their chunks: the truth that answers are checked against. */
export class Knowledge1790000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table documents (
        id uuid primary key,
        business_id text not null,
        collection text not null,
        external_id text,
        title text not null,
        content_type text not null,
        content text not null,
        content_sha256 text not null,
        metadata jsonb not null default '{}',
        version integer not null default 1,
        status text not null default 'queued' check (status in ('queued', 'processing', 'ready', 'failed')),
        chunk_count integer not null,
        error_code text,
        error_message text,
        -- How often processing began without coming to an end. A document that ends the process is given up some day.
        interrupted integer not null default 0,
        -- The run that works on it now: what an older one has to say no longer counts.
        run uuid,
        created_at timestamptz not null default now(),
        updated_at timestamptz not null default now(),
        constraint documents_external_id unique (business_id, collection, external_id)
      )`);
    await runner.query(`create index documents_by_tenant on documents (business_id, id)`);
    await runner.query(`create index documents_by_status on documents (business_id, status, id)`);
    await runner.query(`
      create table chunks (
        id uuid primary key,
        document_id uuid not null references documents (id) on delete cascade,
        business_id text not null,
        collection text not null,
        version integer not null,
        position integer not null,
        start_offset integer not null,
        end_offset integer not null,
        -- The title and the headings above the chunk: what it is about, often in words that it does not repeat.
        context text not null,
        text text not null,
        search tsvector not null generated always as (to_tsvector('english'::regconfig, context || ' ' || text)) stored,
        constraint chunks_position unique (document_id, position)
      )`);
    await runner.query(`create index chunks_by_tenant on chunks (business_id, collection)`);
    await runner.query(`create index chunks_search on chunks using gin (search)`);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup, or write a migration that mends it');
  }
}
