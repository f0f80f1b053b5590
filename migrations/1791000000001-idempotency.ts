import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What was answered to a request with a key, committed with what the request did. */
export class Idempotency1791000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table idempotency_keys (
        business_id text not null,
        key text not null,
        request_sha256 text not null,
        answer jsonb not null,
        created_at timestamptz not null default now(),
        primary key (business_id, key)
      )`);
    await runner.query(`create index idempotency_keys_by_age on idempotency_keys (business_id, created_at)`);
    await runner.query(`select separate_tenants('idempotency_keys')`);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup, or write a migration that mends it');
  }
}
