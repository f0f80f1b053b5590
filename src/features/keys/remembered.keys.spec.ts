import { AppError } from '../../kernel/app-error.js';
import { Deadline, DeadlineExceeded } from '../../kernel/deadline.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { hashOf, newKey } from './api-key.js';
import type { FoundKey } from './keys.repository.js';
import { RememberedKeys } from './remembered.keys.js';

const SECRET = 'a secret that is at least 32 characters long';
const MINUTE_MS = 60_000;

/** A database of keys in which one can be changed, and which can be away. */
class Table {
  readonly rows = new Map<string, FoundKey>();
  asked = 0;
  away: Error | undefined;
  /** What has to happen before the next answer. */
  gate: Promise<void> = Promise.resolve();

  async find(businessId: string, hash: Buffer): Promise<FoundKey | undefined> {
    this.asked += 1;
    const found = this.rows.get(`${businessId} ${hash.toString('hex')}`);
    await this.gate;
    if (this.away !== undefined) throw this.away;
    return found;
  }

  add(row: Partial<FoundKey> = {}, businessId = 'acme'): string {
    const key = newKey(businessId);
    const full: FoundKey = { id: `id of ${key}`, scopes: ['read'], status: 'active', left_ms: null, ...row };
    this.rows.set(`${businessId} ${hashOf(key, SECRET).toString('hex')}`, full);
    return key;
  }

  change(key: string, row: Partial<FoundKey>): void {
    for (const found of this.rows.values()) if (found.id === `id of ${key}`) Object.assign(found, row);
  }
}

const away = () => new DependencyError('database', 'look up an API key', 'unreachable', {});
/** Lets everything go on that waits for nothing. */
const turn = () => new Promise((resolve) => setImmediate(resolve));
const unauthorized = (words: string) => ({ code: 'unauthorized', message: expect.stringContaining(words) });

describe('RememberedKeys', () => {
  let table: Table;
  let nowMs: number;
  let ring: RememberedKeys;
  beforeEach(() => {
    table = new Table();
    nowMs = 1_000;
    ring = new RememberedKeys(table, SECRET, () => nowMs);
  });

  it('tells whom a key stands for', async () => {
    const key = table.add({ scopes: ['read', 'write'], left_ms: 5_000 });
    expect(await ring.verify(key)).toEqual({
      keyId: `id of ${key}`,
      businessId: 'acme',
      scopes: ['read', 'write'],
      leftMs: 5_000,
    });
  });

  it('refuses what is not known, and says why it refuses what was', async () => {
    await expect(ring.verify(newKey('acme'))).rejects.toMatchObject(unauthorized('is not known'));
    await expect(ring.verify('msk_nonsense')).rejects.toMatchObject(unauthorized('not a whole API key'));
    for (const status of ['expired', 'revoked'] as const)
      await expect(ring.verify(table.add({ status }))).rejects.toMatchObject(unauthorized(status));
    await expect(ring.verify(table.add({ status: 'replaced' }))).resolves.toBeDefined();
  });

  it('takes no keys without a secret to hash them with', async () => {
    const without = new RememberedKeys(table, undefined);
    await expect(without.verify(table.add())).rejects.toMatchObject(unauthorized('SECRET_KEY'));
  });

  it('asks once in half a minute, and again after that', async () => {
    const key = table.add();
    await ring.verify(key);
    nowMs += 29_999;
    await ring.verify(key);
    expect(table.asked).toBe(1);
    table.change(key, { status: 'revoked' });
    nowMs += 1;
    await expect(ring.verify(key)).rejects.toMatchObject(unauthorized('revoked'));
  });

  it('asks no more often about a key that it refused, and refuses it while the database is away', async () => {
    const key = newKey('acme');
    for (let i = 0; i < 3; i += 1)
      await expect(ring.verify(key)).rejects.toMatchObject(unauthorized('is not known'));
    table.away = away();
    nowMs += 29_999;
    await expect(ring.verify(key)).rejects.toMatchObject(unauthorized('is not known'));
    expect(table.asked).toBe(1);
    nowMs += 1;
    await expect(ring.verify(key)).rejects.toBe(table.away);
  });

  it('asks once for all who come at once with the same key', async () => {
    const key = table.add();
    await Promise.all(Array.from({ length: 20 }, () => ring.verify(key)));
    expect(table.asked).toBe(1);
  });

  it('lets in for five minutes whom it knows while the database is away, and nobody after', async () => {
    const key = table.add();
    await ring.verify(key);
    table.away = away();
    nowMs += 5 * MINUTE_MS + 29_999;
    await expect(ring.verify(key)).resolves.toMatchObject({ businessId: 'acme' });
    nowMs += 1;
    await expect(ring.verify(key)).rejects.toBe(table.away);
  });

  it('neither lets in nor refuses whom it does not know while the database is away', async () => {
    const key = table.add();
    table.away = away();
    await expect(ring.verify(key)).rejects.toBe(table.away);
    await expect(ring.verify(newKey('acme'))).rejects.toBe(table.away);
    table.away = undefined;
    await expect(ring.verify(key)).resolves.toBeDefined();
  });

  it('lets no key live longer than it may, be the database away or not', async () => {
    const key = table.add({ left_ms: 40_000 });
    await ring.verify(key);
    nowMs += 10_000;
    expect(await ring.verify(key)).toMatchObject({ leftMs: 30_000 });
    table.away = away();
    nowMs += 30_000;
    await expect(ring.verify(key)).rejects.toMatchObject(unauthorized('expired'));
  });

  it('takes a mistake of ours for no outage', async () => {
    const key = table.add();
    await ring.verify(key);
    nowMs += MINUTE_MS;
    table.away = new TypeError('not a function');
    await expect(ring.verify(key)).rejects.toBe(table.away);
  });

  it('looks again at once for what it was told to forget, and leaves the others alone', async () => {
    const [key, other] = [table.add(), table.add()];
    await ring.verify(key);
    await ring.verify(other);
    table.change(key, { status: 'revoked' });
    ring.forget(`id of ${key}`);
    await expect(ring.verify(key)).rejects.toMatchObject(unauthorized('revoked'));
    await ring.verify(other);
    expect(table.asked).toBe(3);
  });

  it('does not remember what it read before it was told to forget', async () => {
    const key = table.add();
    const gate = Promise.withResolvers<void>();
    table.gate = gate.promise;
    const before = ring.verify(key);
    await turn();
    table.rows.clear();
    ring.forget(`id of ${key}`);
    // Who comes now does not share what was asked before.
    const after = ring.verify(key);
    gate.resolve();
    await expect(before).resolves.toBeDefined();
    await expect(after).rejects.toBeInstanceOf(AppError);
    await expect(ring.verify(key)).rejects.toBeInstanceOf(AppError);
  });

  it('remembers ten thousand keys, those that were used last', async () => {
    const first = table.add();
    const kept = table.add();
    await ring.verify(first);
    await ring.verify(kept);
    for (let i = 2; i < 10_000; i += 1) await ring.verify(table.add());
    await ring.verify(kept);
    await ring.verify(table.add());
    const asked = table.asked;
    await ring.verify(kept);
    expect(table.asked).toBe(asked);
    await ring.verify(first);
    expect(table.asked).toBe(asked + 1);
  });

  it('lets those who make keys up take few connections, and none from whom it knows', async () => {
    const known = table.add();
    await ring.verify(known);
    const gate = Promise.withResolvers<void>();
    table.gate = gate.promise;
    const made = Array.from({ length: 1_100 }, () =>
      ring.verify(newKey('acme')).catch((e: AppError) => e.code),
    );
    await turn();
    expect(table.asked).toBe(1 + 4);
    await expect(ring.verify(known)).resolves.toBeDefined();
    nowMs += 30_000;
    const again = ring.verify(known);
    await turn();
    expect(table.asked).toBe(1 + 4 + 1);
    gate.resolve();
    await expect(again).resolves.toBeDefined();
    const codes = await Promise.all(made);
    expect(codes.filter((code) => code === 'overloaded')).toHaveLength(1_100 - 4 - 1_000);
    expect(codes.filter((code) => code === 'unauthorized')).toHaveLength(1_004);
  });

  it('keeps nobody waiting longer than his request may take, and goes on for the others', async () => {
    const key = table.add();
    const gate = Promise.withResolvers<void>();
    table.gate = gate.promise;
    const hurried = new Deadline(1);
    const refused = hurried.run(() => ring.verify(key));
    const patient = ring.verify(key);
    await expect(refused).rejects.toBeInstanceOf(DeadlineExceeded);
    gate.resolve();
    await expect(patient).resolves.toBeDefined();
    expect(table.asked).toBe(1);
  });
});
