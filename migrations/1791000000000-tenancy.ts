import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The database itself keeps tenants apart: a row is seen, written and removed only by a transaction of its tenant, and by
 * none that names no tenant. FORCE: the owner of the tables is held to it as well.
 */
export class Tenancy1791000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Work for every tenant (a new index, say) goes through this list, one tenant after another, each in its own name.
    await runner.query(`
      create table tenants (
        business_id text primary key,
        created_at timestamptz not null default now()
      )`);
    await runner.query(`insert into tenants (business_id) select distinct business_id from documents`);
    // By the rights of its owner: whoever may write as one tenant may not read the list of all.
    await runner.query(`
      create function note_tenants() returns trigger language plpgsql security definer set search_path from current as $$
      begin
        insert into tenants (business_id) select distinct business_id from added on conflict do nothing;
        return null;
      end $$`);
    // What every table with a business_id is handed to once it is made.
    await runner.query(`
      create function separate_tenants(target regclass) returns void language plpgsql as $$
      begin
        if exists (select from pg_policy where polrelid = target and polname = 'own_tenant') then
          return;
        end if;
        execute format('alter table %s enable row level security', target);
        execute format('alter table %s force row level security', target);
        -- Once it was set, a setting of one transaction is empty afterwards, not null.
        execute format(
          'create policy own_tenant on %s using (business_id = nullif(current_setting(''app.business_id'', true), ''''))
           with check (business_id = nullif(current_setting(''app.business_id'', true), ''''))', target);
        execute format(
          'create trigger note_tenants after insert on %s referencing new table as added
           for each statement execute function note_tenants()', target);
      end $$`);
    await runner.query(`select separate_tenants('documents'), separate_tenants('chunks')`);
    // Before a row is known to be the tenant's, PostgreSQL calls only functions that are marked as telling nobody what they
    // saw, and so uses no index for the others. This one tells nothing; without the mark a search by words reads every chunk
    // of the tenant (50 000 chunks, rare words: 92 ms instead of 5). A superuser alone may set it: it can be made up for.
    await runner.query(`
      do $$ begin
        alter function ts_match_vq(tsvector, tsquery) leakproof;
      exception when insufficient_privilege then null;
      end $$`);
    // The tables of vectors that are there already; those to come are handed over where they are made.
    await runner.query(`
      select separate_tenants(c.oid) from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attname = 'business_id'
      where c.relnamespace = to_regnamespace('vectors') and c.relkind = 'r'`);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup, or write a migration that mends it');
  }
}
