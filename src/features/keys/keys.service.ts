import { Injectable } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { AppError } from '../../kernel/app-error.js';
import { newId } from '../../kernel/ids.js';
import type { AccessScope } from '../../kernel/key-ring.js';
import { Broker } from '../../platform/cache/broker.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { hashOf, lastFourOf, newKey } from './api-key.js';
import { type KeyRecord, KeysRepository } from './keys.repository.js';
import { RememberedKeys } from './remembered.keys.js';

/** The topic on which replicas tell each other that a key has changed, by its `id`. */
export const KEY_CHANGED = 'keys.changed';

/** A key that was just made. `key` is in nobody's memory but the reader's from now on. */
export interface MadeKey {
  key: string;
  record: KeyRecord;
}

/** Hands keys out to tenants, and takes them back. */
@Injectable()
export class Keys {
  constructor(
    private readonly keys: KeysRepository,
    private readonly database: Database,
    private readonly ring: RememberedKeys,
    private readonly broker: Broker,
    private readonly settings: Settings,
  ) {}

  /**
   * @param lifeS how long it is valid, in seconds; null: until it is revoked
   * @throws AppError conflict where no keys are taken
   */
  create(
    businessId: string,
    { name, scopes, lifeS }: { name: string; scopes: readonly AccessScope[]; lifeS: number | null },
  ): Promise<MadeKey> {
    return this.database.transaction(
      'create an API key',
      (tx) => this.make(tx, businessId, { name, scopes, lifeS }),
      { businessId },
    );
  }

  /** The newest first. */
  list(businessId: string, page: { limit: number; after?: string }): Promise<KeyRecord[]> {
    return this.keys.list(businessId, page);
  }

  /** A key that is revoked stays so. @throws AppError not_found */
  async revoke(businessId: string, id: string): Promise<void> {
    const found = await this.database.transaction(
      'revoke an API key',
      (tx) => this.keys.revoke(tx, businessId, id),
      { businessId, idempotent: true },
    );
    if (!found) throw unknown(id);
    await this.changed(id);
  }

  /**
   * Makes a key with the same name, scopes and length of life. The old one stays valid for the grace period, so that both
   * work while its users change over.
   * @throws AppError not_found; conflict for a key that is not active
   */
  async rotate(businessId: string, id: string, graceS: number): Promise<MadeKey & { replaced: KeyRecord }> {
    const rotated = await this.database.transaction(
      'rotate an API key',
      async (tx) => {
        const old = await this.keys.take(tx, businessId, id);
        if (old === undefined) throw unknown(id);
        if (old.status !== 'active')
          throw new AppError('conflict', `The key ${id} is ${old.status}: create a new one`);
        const made = await this.make(tx, businessId, {
          name: old.name,
          scopes: old.scopes,
          lifeS: old.life_s,
        });
        const by = { id: made.record.id, graceS };
        return { ...made, replaced: await this.keys.replace(tx, businessId, id, by) };
      },
      { businessId },
    );
    await this.changed(id);
    return rotated;
  }

  private async make(
    tx: Transaction,
    businessId: string,
    key: { name: string; scopes: readonly AccessScope[]; lifeS: number | null },
  ): Promise<MadeKey> {
    const { SECRET_KEY: secret } = this.settings;
    if (secret === undefined)
      throw new AppError('conflict', 'API keys need SECRET_KEY to be set (openssl rand -hex 32)');
    const text = newKey(businessId);
    const record = await this.keys.store(tx, businessId, {
      ...key,
      id: newId(),
      hash: hashOf(text, secret),
      lastFour: lastFourOf(text),
    });
    return { key: text, record };
  }

  /** Here it is known at once; elsewhere as soon as the message arrives, and by itself soon after where none does. */
  private async changed(id: string): Promise<void> {
    this.ring.forget(id);
    // Waited for, although it may be lost: a command ends when this does, and takes its connections with it.
    await this.broker.publish(KEY_CHANGED, { id });
  }
}

function unknown(id: string): AppError {
  return new AppError('not_found', `There is no API key ${id}`);
}
