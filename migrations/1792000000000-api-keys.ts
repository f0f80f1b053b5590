import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The keys that callers come with. Of a key itself only its hash is kept, under a secret that is not in the database. */
export class ApiKeys1792000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table api_keys (
        id uuid primary key,
        business_id text not null,
        name text not null,
        -- HMAC-SHA256 of the key under SECRET_KEY.
        hash bytea not null check (length(hash) = 32),
        -- The end of the key, by which people tell one from another.
        last_four text not null,
        scopes text[] not null check (cardinality(scopes) > 0 and scopes <@ array['read', 'write', 'operate']),
        created_at timestamptz not null default now(),
        expires_at timestamptz,
        revoked_at timestamptz,
        -- The key that was made to take its place.
        replaced_by uuid references api_keys (id),
        constraint api_keys_hash unique (business_id, hash)
      )`);
    await runner.query(`create index api_keys_by_tenant on api_keys (business_id, id)`);
    await runner.query(`select separate_tenants('api_keys')`);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup, or write a migration that mends it');
  }
}
