import { z } from 'zod';
import { flag, integer, lower, oneOf, optional, setting } from './setting.js';

/** The process itself, and what it takes in. */
export const serviceSettings = {
  ENVIRONMENT: setting(oneOf(['development', 'test', 'production']), 'development', {
    group: 'Service',
    description: 'What this process is for. production refuses embedded adapters and asks for credentials.',
  }),
  HOST: optional(z.string(), {
    group: 'Service',
    description: 'The address to listen on. By default 127.0.0.1, and 0.0.0.0 in production.',
  }),
  PORT: setting(integer(0, 65_535), '8000', {
    group: 'Service',
    description: 'The port to listen on; 0 takes a free one.',
  }),
  LOG_LEVEL: setting(
    z.preprocess(lower, oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])),
    'info',
    {
      group: 'Service',
      description: 'The least level that is logged.',
    },
  ),
  LOG_FORMAT: setting(z.preprocess(lower, oneOf(['json', 'console'])), 'json', {
    group: 'Service',
    description: 'One JSON object a line, or lines for human eyes.',
  }),
  STARTUP_TIMEOUT_MS: setting(integer(1_000, 600_000), '30000', {
    group: 'Service',
    unit: 'ms',
    description:
      'How long the start waits for a critical dependency before it gives up (STARTUP_POLICY=strict).',
  }),
  STARTUP_POLICY: setting(z.preprocess(lower, oneOf(['strict', 'tolerant'])), 'strict', {
    group: 'Service',
    description:
      'What a start does while a critical dependency is away: strict waits for STARTUP_TIMEOUT_MS and then ends with an exit code that says why, tolerant serves what it can, is not ready, and opens it when it comes. Wrong settings end both.',
  }),
  MIGRATION_TIMEOUT_MS: setting(integer(1_000, 86_400_000), '600000', {
    group: 'Service',
    unit: 'ms',
    description:
      'How long the start waits for the schema to be brought up to date, by itself or by another replica that is at it.',
  }),
  DRAIN_DELAY_MS: setting(integer(0, 600_000), '5000', {
    group: 'Service',
    unit: 'ms',
    description:
      'How long a stop goes on serving after readiness has turned: as long as load balancers take to notice.',
  }),
  DRAIN_TIMEOUT_MS: setting(integer(100, 600_000), '30000', {
    group: 'Service',
    unit: 'ms',
    description: 'How long requests that are under way may then take before they are cut short.',
  }),
  REQUEST_BYTES_MAX: setting(integer(1_024, 104_857_600), '1048576', {
    group: 'Limits',
    unit: 'bytes',
    description: 'The largest request body, documents excepted.',
  }),
  REQUEST_HEADER_BYTES_MAX: setting(integer(1_024, 1_048_576), '16384', {
    group: 'Limits',
    unit: 'bytes',
    description: 'The largest head of a request: its path and all of its headers.',
  }),
  REQUEST_RECEIVE_TIMEOUT_MS: setting(integer(100, 3_600_000), '60000', {
    group: 'Limits',
    unit: 'ms',
    description:
      'How long a client may take to send a whole request; for the head of it, ten seconds of that at most.',
  }),
  DOCUMENT_BYTES_MAX: setting(integer(1_024, 104_857_600), '10485760', {
    group: 'Limits',
    unit: 'bytes',
    description: 'The largest document, as UTF-8.',
  }),
  ALLOW_EMBEDDED: setting(flag(), 'false', {
    group: 'Embedded default',
    description: 'Lets production run on embedded adapters (PGlite, in-process cache, extractive answers).',
  }),
  DATA_DIR: setting(z.string(), './data', {
    group: 'Embedded default',
    description: 'The folder of the embedded database. One process at a time.',
  }),
};
