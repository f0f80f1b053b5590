import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Documents that are given by the address of a page. Until it is fetched for the first time, nothing is known of its
 * content. `alter table` of columns alone changes no row and is short, however many there are.
 */
export class SourceUrl1792000000020 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table documents
        add column source_url text,
        -- Whether the content is still to be fetched, for the first time or anew.
        add column fetch_due boolean not null default false,
        -- How often the page could not be had since it was asked for.
        add column fetch_failures integer not null default 0,
        alter column content drop not null,
        alter column content_sha256 drop not null,
        alter column content_type drop not null,
        add constraint documents_content check (fetch_due or content is not null) not valid`);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only: restore a backup, or write a migration that mends it');
  }
}
