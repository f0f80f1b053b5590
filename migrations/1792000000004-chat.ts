import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Conversations, what was said in them, and those that a person is to look at. Any replica can go on with any of them. */
export class Chat1792000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table chat_sessions (
        id uuid primary key,
        business_id text not null,
        user_id text,
        metadata jsonb not null,
        summary text not null default '',
        summarised_to uuid,
        created_at timestamptz not null default now()
      )`);
    await runner.query(`
      create table chat_messages (
        id uuid primary key,
        business_id text not null,
        session_id uuid not null references chat_sessions (id) on delete cascade,
        role text not null check (role in ('user', 'assistant')),
        content text not null,
        reply jsonb,
        answered boolean not null,
        created_at timestamptz not null default now()
      )`);
    await runner.query(`create index chat_messages_in_order on chat_messages (business_id, session_id, id)`);
    await runner.query(`
      create table escalations (
        id uuid primary key,
        business_id text not null,
        session_id uuid not null references chat_sessions (id) on delete cascade,
        reason text not null,
        status text not null default 'open' check (status in ('open', 'claimed', 'resolved')),
        created_at timestamptz not null default now(),
        due_at timestamptz not null,
        claimed_at timestamptz,
        resolved_at timestamptz
      )`);
    // A conversation is in the queue once, however often somebody asks for a person.
    await runner.query(`
      create unique index escalations_under_way on escalations (business_id, session_id) where status <> 'resolved'`);
    await runner.query(`create index escalations_by_status on escalations (business_id, status, id)`);
    await runner.query(
      `select separate_tenants('chat_sessions'), separate_tenants('chat_messages'), separate_tenants('escalations')`,
    );
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup, or write a migration that mends it');
  }
}
