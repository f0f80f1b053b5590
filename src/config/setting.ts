import { z } from 'zod';

/** What a setting is, beside its type: shown in .env.example, in the documentation and in the error for a wrong value. */
export interface SettingInfo {
  description: string;
  /** The section of .env.example that it stands in. */
  group: string;
  unit?: string;
  /** What stands when nothing is set, as it would be written in the environment. */
  fallback?: string;
  /** A secret's value never appears in any output. */
  secret?: boolean;
}

export const settingInfo = z.registry<SettingInfo>();

/** Text from the environment as a whole number in the range given, both ends allowed. */
export const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^-?\d+$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((n) => n >= min && n <= max, `must be a whole number from ${min} to ${max}`);

export const flag = () =>
  z.enum(['true', 'false'], { error: 'must be true or false' }).transform((v) => v === 'true');

export const oneOf = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, { error: `must be one of ${values.join(', ')}` });

/** A URL with one of the schemes given. The message never repeats the value: it may hold a password. */
export const url = (...schemes: string[]) =>
  z
    .string()
    .refine(
      (v) => URL.canParse(v) && schemes.includes(new URL(v).protocol.slice(0, -1)),
      `must be a URL that starts with ${schemes.map((s) => `${s}://`).join(' or ')}`,
    );

export const names = () =>
  z
    .string()
    .transform((v) =>
      v
        .split(',')
        .map((n) => n.trim())
        .filter((n) => n !== ''),
    )
    .refine(
      (list) => list.length > 0 && list.every((n) => /^[a-z][a-z0-9_]{0,40}$/.test(n)),
      'must be a comma list of names: lower-case letters, digits and _, first a letter, at most 41 characters each',
    );

/** A comma list of origins as a browser sends them: scheme, host and port, and no path. */
export const origins = () =>
  z
    .string()
    .transform((v) =>
      v
        .split(',')
        .map((origin) => origin.trim())
        .filter((origin) => origin !== ''),
    )
    .refine(
      (list) => list.length > 0 && list.every((o) => URL.canParse(o) && new URL(o).origin === o),
      'must be a comma list of origins such as https://app.example.com: a scheme and a host, no path, no slash at the end, no *',
    );

/** A setting with a default, which is written as it would stand in the environment, so that it goes through the same check. */
export function setting<T extends z.ZodType>(type: T, fallback: string, info: SettingInfo) {
  const schema = z.preprocess((v) => v ?? fallback, type);
  settingInfo.add(schema, { ...info, fallback });
  return schema;
}

/** A setting that may be absent. */
export function optional<T extends z.ZodType>(type: T, info: SettingInfo) {
  const schema = type.optional();
  settingInfo.add(schema, info);
  return schema;
}

export function lower(v: unknown): unknown {
  return typeof v === 'string' ? v.toLowerCase() : v;
}
