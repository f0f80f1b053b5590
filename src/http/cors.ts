import type { INestApplication } from '@nestjs/common';
import type { Settings } from '../config/settings.js';

// How long a browser remembers what it was allowed, in seconds: Chromium's own limit is two hours.
const REMEMBERED_S = 600;

/** Lets pages of the origins in `CORS_ORIGINS` call from a browser. Credentials are in a header, so no cookie is asked for. */
export function allowOrigins(app: INestApplication, { CORS_ORIGINS: origin }: Settings): void {
  if (origin === undefined) return;
  app.enableCors({
    origin,
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: [
      'Authorization',
      'Content-Type',
      'Idempotency-Key',
      'X-Request-Id',
      'X-Request-Timeout-Ms',
      'Last-Event-ID',
      'traceparent',
      'tracestate',
    ],
    exposedHeaders: [
      'X-Request-Id',
      'X-Answer-Level',
      'RateLimit',
      'RateLimit-Policy',
      'Retry-After',
      'Server-Timing',
    ],
    maxAge: REMEMBERED_S,
  });
}
