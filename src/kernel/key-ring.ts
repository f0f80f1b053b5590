/** What credentials may allow: to look, to change, and to run the service. */
export const ACCESS_SCOPES = ['read', 'write', 'operate'] as const;
export type AccessScope = (typeof ACCESS_SCOPES)[number];

/** What every key begins with: by it a key is told from a token, and found by scanners where it does not belong. */
export const KEY_PREFIX = 'msk_';

/** Whom an API key stands for. */
export interface KeyHolder {
  /** The id of the key, which is no secret. */
  keyId: string;
  /** The tenant that it belongs to. */
  businessId: string;
  scopes: readonly AccessScope[];
  /** How long it is valid from now on, in milliseconds; undefined where it does not expire. */
  leftMs: number | undefined;
}

/** Tells the keys that were handed out from those that were not. */
export abstract class KeyRing {
  /**
   * @param key as the caller sent it
   * @throws AppError unauthorized when it is none of ours, has expired or was revoked; DependencyError when that cannot be
   * found out now
   */
  abstract verify(key: string): Promise<KeyHolder>;
}
