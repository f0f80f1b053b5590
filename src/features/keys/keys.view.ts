import type { z } from 'zod';
import type { KeyRecord } from './keys.repository.js';
import type { keyView } from './keys.schemas.js';

/** A key as it is shown over HTTP and by the command line. */
export function toView(businessId: string, record: KeyRecord): z.output<typeof keyView> {
  const { created_at, expires_at, revoked_at, ...rest } = record;
  return {
    ...rest,
    business_id: businessId,
    created_at: created_at.toISOString(),
    expires_at: expires_at?.toISOString() ?? null,
    revoked_at: revoked_at?.toISOString() ?? null,
  };
}
