import { z } from 'zod';
import { text } from '../http/fields.js';

export const maintenanceRequest = z
  .strictObject({
    enabled: z.boolean({ error: 'must be true or false' }),
    detail: text(500).optional().describe('What callers are told'),
    retry_after_s: z
      .number({ error: 'must be a whole number from 1 to 86400' })
      .int('must be a whole number from 1 to 86400')
      .min(1, 'must be a whole number from 1 to 86400')
      .max(86_400, 'must be a whole number from 1 to 86400')
      .optional()
      .describe('When callers are told to come again; 60 by default'),
  })
  .meta({ id: 'MaintenanceRequest', examples: [{ enabled: false }] });

export const maintenanceResponse = z
  .strictObject({
    enabled: z.boolean(),
    since: z.iso.datetime().nullable(),
    detail: z.string().nullable(),
    retry_after_s: z.number().int().nullable(),
  })
  .meta({ id: 'MaintenanceResponse' });

export const circuitPath = z.strictObject({
  dependency: z.string().regex(/^[a-z][a-z0-9_.]{0,100}$/, 'must be the name of a dependency'),
});

export const circuitResponse = z
  .strictObject({
    dependency: z.string(),
    status: z.enum(['up', 'degraded', 'down']),
    circuit: z.enum(['closed', 'open', 'half_open', 'isolated']),
  })
  .meta({ id: 'CircuitResponse' });
