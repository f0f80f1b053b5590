import { z } from 'zod';

export type OneOrMany<T> = T | T[];

/**
 * A body that is one of something or a list of them. Each is checked by its own schema: a union would say that neither fits,
 * and not which field is wrong.
 */
export function oneOrMany<Schema extends z.ZodType>(one: Schema, max: number) {
  const many = z
    .array(one)
    .min(1, 'must have at least one entry')
    .max(max, `must have at most ${max} entries`);
  const either = z.union([one, many]);
  const standard = either['~standard'];
  return {
    '~standard': {
      version: standard.version,
      vendor: standard.vendor,
      jsonSchema: standard.jsonSchema,
      validate: (value: unknown) => (Array.isArray(value) ? many : one)['~standard'].validate(value),
    },
  };
}
