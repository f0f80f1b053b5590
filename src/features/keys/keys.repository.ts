import { Injectable } from '@nestjs/common';
import type { AccessScope } from '../../kernel/key-ring.js';
import { Database, type Transaction } from '../../platform/database/database.js';

/** A key as it is shown: everything but the key. */
export interface KeyRecord {
  id: string;
  name: string;
  scopes: AccessScope[];
  last_four: string;
  /** `replaced`: still valid, until `expires_at`. */
  status: 'active' | 'replaced' | 'expired' | 'revoked';
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  replaced_by: string | null;
}

export interface NewKeyRecord {
  id: string;
  name: string;
  hash: Buffer;
  lastFour: string;
  scopes: readonly AccessScope[];
  /** How long it is valid from now on, in seconds; null: until it is revoked. */
  lifeS: number | null;
}

/** What a key that was sent turned out to be. */
export interface FoundKey {
  id: string;
  scopes: AccessScope[];
  status: KeyRecord['status'];
  left_ms: number | null;
}

const STATUS = `case when revoked_at is not null then 'revoked' when expires_at <= now() then 'expired'
  when replaced_by is not null then 'replaced' else 'active' end as status`;
const COLUMNS = `id, name, scopes, last_four, ${STATUS}, created_at, expires_at, revoked_at, replaced_by`;

/** The API keys of the tenants, by their hashes. Times are the database's: one clock for all replicas. */
@Injectable()
export class KeysRepository {
  constructor(private readonly database: Database) {}

  /** @param withinMs how long it may take in all */
  async find(businessId: string, hash: Buffer, withinMs: number): Promise<FoundKey | undefined> {
    const [found] = await this.database.transaction(
      'look up an API key',
      (tx) =>
        tx.query<FoundKey>(
          `select id, scopes, ${STATUS}, (extract(epoch from expires_at - now()) * 1000)::float8 as left_ms
           from api_keys where business_id = $1 and hash = $2`,
          [businessId, hash],
        ),
      { businessId, idempotent: true, withinMs },
    );
    return found;
  }

  list(businessId: string, { limit, after }: { limit: number; after?: string }): Promise<KeyRecord[]> {
    return this.database.transaction(
      'list the API keys',
      (tx) =>
        tx.query<KeyRecord>(
          `select ${COLUMNS} from api_keys where business_id = $1 and ($2::uuid is null or id < $2)
           order by id desc limit $3`,
          [businessId, after ?? null, limit],
        ),
      { businessId, idempotent: true },
    );
  }

  async store(tx: Transaction, businessId: string, key: NewKeyRecord): Promise<KeyRecord> {
    const { id, name, hash, lastFour, scopes, lifeS } = key;
    const [stored] = await tx.query<KeyRecord>(
      `insert into api_keys (id, business_id, name, hash, last_four, scopes, expires_at)
       values ($1, $2, $3, $4, $5, $6::text[], now() + make_interval(secs => $7::float8)) returning ${COLUMNS}`,
      [id, businessId, name, hash, lastFour, [...scopes], lifeS],
    );
    return stored!;
  }

  /** Takes a key, so that nobody else changes it meanwhile. `life_s`: how long it was to be valid, from its beginning. */
  async take(
    tx: Transaction,
    businessId: string,
    id: string,
  ): Promise<(KeyRecord & { life_s: number | null }) | undefined> {
    const [taken] = await tx.query<KeyRecord & { life_s: number | null }>(
      `select ${COLUMNS}, extract(epoch from expires_at - created_at)::float8 as life_s
       from api_keys where business_id = $1 and id = $2 for update`,
      [businessId, id],
    );
    return taken;
  }

  /** From now on the key is valid for the grace period alone, and says by which it was replaced. */
  async replace(
    tx: Transaction,
    businessId: string,
    id: string,
    by: { id: string; graceS: number },
  ): Promise<KeyRecord> {
    const [replaced] = await tx.query<KeyRecord>(
      `update api_keys set replaced_by = $3,
         expires_at = least(expires_at, now() + make_interval(secs => $4::float8))
       where business_id = $1 and id = $2 returning ${COLUMNS}`,
      [businessId, id, by.id, by.graceS],
    );
    return replaced!;
  }

  /** @returns whether there is such a key */
  async revoke(tx: Transaction, businessId: string, id: string): Promise<boolean> {
    const revoked = await tx.query(
      `update api_keys set revoked_at = coalesce(revoked_at, now()) where business_id = $1 and id = $2 returning id`,
      [businessId, id],
    );
    return revoked.length > 0;
  }
}
