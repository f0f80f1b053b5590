import { z } from 'zod';
import { optional } from './setting.js';

/** Who may do what. */
export const accessSettings = {
  JWT_SECRET_KEY: optional(z.string().min(32, 'must have at least 32 characters: openssl rand -hex 32'), {
    group: 'Access',
    secret: true,
    description:
      'Checks bearer tokens (HS256). Required in production; without it, outside production, no credentials are asked for.',
  }),
  OPERATOR_TOKEN: optional(z.string().min(16, 'must have at least 16 characters'), {
    group: 'Access',
    secret: true,
    description:
      'The bearer token of operators, for diagnostics. Without it they are answered to loopback only.',
  }),
};
