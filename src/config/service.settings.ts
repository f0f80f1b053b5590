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
    description: 'How long the start waits for a critical dependency before it gives up.',
  }),
  DRAIN_TIMEOUT_MS: setting(integer(100, 600_000), '30000', {
    group: 'Service',
    unit: 'ms',
    description: 'How long a stop may take before the process ends regardless.',
  }),
  REQUEST_BYTES_MAX: setting(integer(1_024, 104_857_600), '1048576', {
    group: 'Limits',
    unit: 'bytes',
    description: 'The largest request body, documents excepted.',
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
