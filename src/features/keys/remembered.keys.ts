import { hash } from 'node:crypto';
import { AppError } from '../../kernel/app-error.js';
import { untilAborted } from '../../kernel/abort.js';
import { Deadline } from '../../kernel/deadline.js';
import { type KeyHolder, KeyRing } from '../../kernel/key-ring.js';
import { Bulkhead } from '../../resilience/bulkhead.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { hashOf, tenantOf } from './api-key.js';
import type { FoundKey, KeysRepository } from './keys.repository.js';

// A key that was revoked elsewhere, by a replica that could not tell us, is found out after this.
const FRESH_MS = 30_000;
// While the database is away: five minutes beyond that.
const HONOURED_MS = FRESH_MS + 5 * 60_000;
const KEYS_MAX = 10_000;
// Of the time that a request has, for finding out who sent it. Who is known does not wait as long.
const LOOK_UP_MS = 4_000;
const LOOK_AGAIN_MS = 500;
// Whoever makes keys up takes no more connections than this from those who are known.
const STRANGERS_AT_ONCE = 4;
const STRANGERS_WAITING = 1_000;

/** A key that was found valid. All of its times are of the monotonic clock. */
interface Known {
  keyId: string;
  businessId: string;
  scopes: KeyHolder['scopes'];
  checkedAtMs: number;
  expiresAtMs: number;
}

/**
 * Looks keys up in the database, and remembers for a while, by hashes of them, those that it found valid and those that it
 * did not. While the database is away, what was valid a moment ago is taken to be so still; what is not known is neither
 * let in nor said to be wrong.
 */
export class RememberedKeys extends KeyRing {
  /** By hash, the one that was used last at the end. */
  private readonly known = new Map<string, Known>();
  /** By hash, why it was refused, and until when that is not asked again. */
  private readonly refusals = new Map<string, { detail: string; untilMs: number }>();
  private readonly lookUps = new Map<string, Promise<Known>>();
  private readonly strangers = new Bulkhead(STRANGERS_AT_ONCE, STRANGERS_WAITING);
  /** How often something was forgotten: what was read before that is not remembered after it. */
  private forgettings = 0;

  /**
   * @param secret SECRET_KEY; undefined where no keys are taken
   * @param nowMs a monotonic clock
   */
  constructor(
    private readonly keys: Pick<KeysRepository, 'find'>,
    private readonly secret: string | undefined,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    super();
  }

  async verify(key: string): Promise<KeyHolder> {
    if (this.secret === undefined)
      throw refused('API keys are not taken here: SECRET_KEY is not set. Send a token');
    // Cheaper than the hash under which it is stored, and nothing that is kept outlives this process.
    const name = hash('sha256', key, 'base64');
    const refusal = this.refusals.get(name);
    if (refusal !== undefined && this.nowMs() < refusal.untilMs) throw refused(refusal.detail);
    const known = this.recall(name);
    if (known !== undefined && this.nowMs() - known.checkedAtMs < FRESH_MS) return this.holder(known);
    const businessId = tenantOf(key);
    if (businessId === undefined) throw refused('This is not a whole API key: copy it again');
    try {
      return this.holder(await this.lookUp(name, businessId, hashOf(key, this.secret)));
    } catch (error) {
      // Forgotten meanwhile: somebody who could reach the database said so.
      const still = this.known.get(name);
      if (!(error instanceof DependencyError) || still === undefined) throw error;
      return this.holder(still);
    }
  }

  /** From now on the key is looked up again. @param keyId its id */
  forget(keyId: string): void {
    this.forgettings += 1;
    // What is being looked up now may have been read before.
    this.lookUps.clear();
    for (const [name, known] of this.known) if (known.keyId === keyId) this.known.delete(name);
  }

  private recall(name: string): Known | undefined {
    const known = this.known.get(name);
    if (known === undefined) return undefined;
    if (this.nowMs() - known.checkedAtMs < HONOURED_MS) {
      put(this.known, name, known);
      return known;
    }
    this.known.delete(name);
    return undefined;
  }

  /** One at a time for each key: those who come meanwhile wait for the same, each no longer than its own request allows. */
  private lookUp(name: string, businessId: string, kept: Buffer): Promise<Known> {
    let lookUp = this.lookUps.get(name);
    if (lookUp === undefined) {
      const own = Deadline.none(() => this.find(name, businessId, kept)).finally(() => {
        if (this.lookUps.get(name) === own) this.lookUps.delete(name);
      });
      this.lookUps.set(name, own);
      lookUp = own;
    }
    return untilAborted(lookUp, Deadline.current()?.signal);
  }

  private async find(name: string, businessId: string, kept: Buffer): Promise<Known> {
    const { forgettings } = this;
    const found = this.known.has(name)
      ? await this.keys.find(businessId, kept, LOOK_AGAIN_MS)
      : await this.findStranger(businessId, kept);
    if (found === undefined || !isValid(found)) {
      this.known.delete(name);
      const detail = found === undefined ? 'This API key is not known' : `This API key is ${found.status}`;
      // Nothing makes a key valid that is not: a client that goes on with one asks the database no more often than others.
      put(this.refusals, name, { detail, untilMs: this.nowMs() + FRESH_MS });
      throw refused(detail);
    }
    const now = this.nowMs();
    const known = {
      keyId: found.id,
      businessId,
      scopes: found.scopes,
      checkedAtMs: now,
      expiresAtMs: now + (found.left_ms ?? Infinity),
    };
    if (forgettings === this.forgettings) put(this.known, name, known);
    return known;
  }

  private async findStranger(businessId: string, kept: Buffer): Promise<FoundKey | undefined> {
    const leave = await this.strangers.enter(LOOK_UP_MS, undefined).catch((cause: unknown) => {
      const detail = 'Too many unknown API keys are being looked up: try again';
      throw new AppError('overloaded', detail, { retryAfterMs: 1_000, cause });
    });
    try {
      return await this.keys.find(businessId, kept, LOOK_UP_MS);
    } finally {
      leave();
    }
  }

  private holder({ keyId, businessId, scopes, expiresAtMs }: Known): KeyHolder {
    const leftMs = expiresAtMs - this.nowMs();
    if (leftMs <= 0) throw refused('This API key is expired');
    return { keyId, businessId, scopes, leftMs: leftMs === Infinity ? undefined : leftMs };
  }
}

/** Puts it at the end, and what was used longest ago out where there are too many. */
function put<T>(memory: Map<string, T>, name: string, value: T): void {
  memory.delete(name);
  memory.set(name, value);
  const [oldest] = memory.keys();
  if (memory.size > KEYS_MAX) memory.delete(oldest!);
}

function isValid({ status }: FoundKey): boolean {
  return status === 'active' || status === 'replaced';
}

function refused(detail: string): AppError {
  return new AppError('unauthorized', detail);
}
