import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Counts the changes of what a tenant's documents say: what was said of the documents of one count holds as long as it
 * stands. It is counted by the database itself, so that no statement can forget it, and at the end of the transaction, so
 * that the transactions of a tenant wait for each other no longer than they have to.
 */
export class KnowledgeVersions1792000000010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table knowledge_versions (
        business_id text not null,
        collection text not null,
        version bigint not null default 1,
        primary key (business_id, collection)
      )`);
    await runner.query(`select separate_tenants('knowledge_versions')`);
    await runner.query(`
      create function count_knowledge() returns trigger language plpgsql as $$
      declare
        changed documents := coalesce(new, old);
      begin
        insert into knowledge_versions (business_id, collection) values (changed.business_id, changed.collection)
        on conflict (business_id, collection) do update set version = knowledge_versions.version + 1;
        return null;
      end $$`);
    // A document can be found by its words from its first moment, and by its vectors once it is ready.
    await runner.query(`
      create constraint trigger count_knowledge_stored after insert or delete on documents
      deferrable initially deferred for each row execute function count_knowledge()`);
    await runner.query(`
      create constraint trigger count_knowledge_changed after update on documents
      deferrable initially deferred for each row
      when (old.version <> new.version or old.status <> 'ready' and new.status = 'ready')
      execute function count_knowledge()`);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup, or write a migration that mends it');
  }
}
