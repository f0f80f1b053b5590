import { Injectable } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { Cache, type CacheSpace } from '../../platform/cache/cache.js';
import { Database } from '../../platform/database/database.js';
import { Removals } from './removals.js';

// As many tenants and collections as are asked about while one is remembered.
const ENTRIES_MAX = 10_000;

/**
 * Which state its documents have: what was said of one state holds until the next. The database counts them (the migration
 * says when); what it said last is remembered for a while, for when it cannot be asked.
 */
@Injectable()
export class KnowledgeVersions {
  private readonly space: CacheSpace;
  // What this process read last, the oldest first.
  private readonly read = new Map<string, string>();

  constructor(
    private readonly database: Database,
    private readonly removals: Removals,
    settings: Settings,
    cache: Cache,
  ) {
    const ttlMs = settings.UNVERIFIED_SEARCH_MAX_AGE_S * 1_000;
    this.space = cache.space({ name: 'knowledge.versions', entriesMax: ENTRIES_MAX, ttlMs });
  }

  /** @throws DependencyError of the database */
  async current(businessId: string, collection: string): Promise<string> {
    const [row] = await this.database.transaction(
      'read the state of the documents',
      (tx) =>
        tx.query<{ version: string }>(
          'select version::text from knowledge_versions where business_id = $1 and collection = $2',
          [businessId, collection],
        ),
      { businessId, idempotent: true },
    );
    const version = row?.version ?? '0';
    this.remember(keyOf(businessId, collection), version);
    await this.space.set(keyOf(businessId, collection), Buffer.from(version));
    return version;
  }

  /** What this process read last: one that reads the same again knows that nothing has changed in between. */
  remembered(businessId: string, collection: string): string | undefined {
    return this.read.get(keyOf(businessId, collection));
  }

  /** Something was changed here: what is remembered is of the past. */
  async changed(businessId: string, collection: string): Promise<void> {
    this.read.delete(keyOf(businessId, collection));
    await this.space.delete(keyOf(businessId, collection));
  }

  /**
   * For when the database is away: what it said last, on the terms on which a search goes unverified then
   * (docs/decisions/0011). undefined when nothing is known.
   */
  async lastKnown(businessId: string, collection: string): Promise<string | undefined> {
    if (!this.removals.done) return undefined;
    return (await this.space.get(keyOf(businessId, collection)))?.toString('utf8');
  }

  private remember(key: string, version: string): void {
    this.read.delete(key);
    this.read.set(key, version);
    const [oldest] = this.read.keys();
    if (this.read.size > ENTRIES_MAX) this.read.delete(oldest!);
  }
}

function keyOf(businessId: string, collection: string): string {
  return JSON.stringify([businessId, collection]);
}
