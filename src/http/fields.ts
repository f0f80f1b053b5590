import { z } from 'zod';

// The kinds of fields that requests are made of, so that each is checked and explained in the same words everywhere.

/** Text that every store can keep: no U+0000 (PostgreSQL has none) and no half of a surrogate pair (no UTF-8 for it). */
export const text = (max: number) =>
  z
    .string()
    .max(max, `must have at most ${max} characters`)
    .refine((s) => !s.includes('\u0000'), 'must not hold the character U+0000: remove it')
    .refine((s) => s.isWellFormed(), 'must be well-formed Unicode: it holds half of a surrogate pair');

export const nonBlank = (max: number) =>
  text(max).refine((s) => s.trim() !== '', 'must not be empty or blank');

/** The tenant. */
export const businessId = () =>
  z.string().regex(/^[A-Za-z0-9_.:-]{1,128}$/, 'must have 1 to 128 characters: letters, digits and _ . : -');

/** The query of a route that takes none but the tenant. */
export const tenantQuery = z.strictObject({ business_id: businessId().optional() });

export const id = () => z.uuid('must be an id as this service gave it (a UUID)');

export const limit = (fallback: number, max: number) =>
  z.coerce
    .number({ error: `must be a whole number from 1 to ${max}` })
    .int(`must be a whole number from 1 to ${max}`)
    .min(1, `must be a whole number from 1 to ${max}`)
    .max(max, `must be a whole number from 1 to ${max}`)
    .default(fallback);

/** A number in a JSON body: the text "5" is not one. */
export const count = (fallback: number, max: number) =>
  z
    .number({ error: `must be a whole number from 1 to ${max}` })
    .int(`must be a whole number from 1 to ${max}`)
    .min(1, `must be a whole number from 1 to ${max}`)
    .max(max, `must be a whole number from 1 to ${max}`)
    .default(fallback);

/** Where a page starts: opaque to clients, an id to us. */
export const cursor = () =>
  z
    .string()
    .transform((c) => Buffer.from(c, 'base64url').toString('utf8'))
    .pipe(z.uuid('must be the next_cursor of an earlier page'));

const scalar = () => z.union([text(1_000), z.number(), z.boolean()]);
const bound = () => z.union([text(1_000), z.number()]);

/** A filter on metadata. */
export const filter = () =>
  z
    .record(
      text(200),
      z.union(
        [
          scalar(),
          z.array(scalar()).min(1).max(100),
          z
            .strictObject({ gte: bound().optional(), lte: bound().optional() })
            .refine((r) => r.gte !== undefined || r.lte !== undefined, 'must have gte, lte or both'),
        ],
        { error: 'must be a value, a list of 1 to 100 values, or { gte, lte } with a number or a text' },
      ),
    )
    .refine((f) => Object.keys(f).length <= 20, 'must have at most 20 keys');

/** A page of a list, and where the next one starts. */
export function page<T extends { id: string }>(data: T[], wanted: number) {
  const more = data.length > wanted;
  const shown = more ? data.slice(0, wanted) : data;
  return {
    data: shown,
    next_cursor: more ? Buffer.from(shown.at(-1)!.id, 'utf8').toString('base64url') : null,
  };
}
