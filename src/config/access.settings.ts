import { z } from 'zod';
import { integer, optional, origins, setting } from './setting.js';

const secret = (bytesMin: number) =>
  z
    .string()
    .refine(
      (value) => Buffer.byteLength(value) >= bytesMin,
      `must have at least ${bytesMin} characters: openssl rand -hex 32`,
    );

/** Who may do what, and how often. */
export const accessSettings = {
  SECRET_KEY: optional(secret(32), {
    group: 'Access',
    secret: true,
    description:
      'Hashes API keys (HMAC-SHA256) and lets callers come with them. This or JWT_SECRET_KEY is required in production; without both, outside production, no credentials are asked for. Another one makes every key that was handed out void.',
  }),
  JWT_SECRET_KEY: optional(secret(32), {
    group: 'Access',
    secret: true,
    description:
      'Checks and signs bearer tokens (JWT, HS256): lets callers come with them, and change an API key for one at POST /api/v1/auth/token.',
  }),
  ACCESS_TOKEN_EXPIRE_MINUTES: setting(integer(1, 1_440), '30', {
    group: 'Access',
    unit: 'min',
    description: 'How long a token lives that was given for an API key.',
  }),
  OPERATOR_TOKEN: optional(z.string().min(16, 'must have at least 16 characters'), {
    group: 'Access',
    secret: true,
    description:
      'The bearer token of operators, for diagnostics. Without it they are answered to loopback only.',
  }),
  RATE_LIMIT_REQUESTS: optional(integer(0, 1_000_000_000), {
    group: 'Access',
    unit: 'requests',
    description:
      'How many requests one API key or token may make per RATE_LIMIT_WINDOW, over all replicas; 0 sets no limit. 1000 where credentials are asked for; elsewhere none unless it is set, and then per address.',
  }),
  TENANT_RATE_LIMIT_REQUESTS: optional(integer(0, 1_000_000_000), {
    group: 'Access',
    unit: 'requests',
    description:
      'How many requests all credentials of one business_id may make together per RATE_LIMIT_WINDOW; 0 sets no limit. By default as many as RATE_LIMIT_REQUESTS.',
  }),
  RATE_LIMIT_WINDOW: setting(integer(1, 86_400), '3600', {
    group: 'Access',
    unit: 's',
    description:
      'The time in which so many requests may be made. It is no fixed hour: what was spent flows in again evenly.',
  }),
  VECTOR_RATE_LIMIT_REQUESTS: optional(integer(0, 1_000_000), {
    group: 'Access',
    unit: 'requests/s',
    description:
      'How many requests a second one caller may make that embed or search, and how many of them at once; 0 sets no limit. 10 where credentials are asked for; elsewhere none unless it is set.',
  }),
  CORS_ORIGINS: optional(origins(), {
    group: 'Access',
    description:
      'The web pages that may call from a browser: a comma list of exact origins, such as https://app.example.com. Without it, none.',
  }),
  TRUST_PROXY: optional(
    z
      .string()
      .refine(
        (list) => list.split(',').every((entry) => PROXY.test(entry.trim())),
        'must be a comma list of addresses, CIDR ranges, or the names loopback, linklocal and uniquelocal',
      ),
    {
      group: 'Access',
      description:
        'The proxies in front of the service, whose X-Forwarded-For and -Proto are believed: a comma list of addresses and CIDR ranges, or loopback, linklocal, uniquelocal. Without it, nobody’s.',
    },
  ),
};

const PROXY = /^(loopback|linklocal|uniquelocal|[\d.]+(\/\d{1,2})?|[\da-f]*:[\da-f:.]*(\/\d{1,3})?)$/i;
