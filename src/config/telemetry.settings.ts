import { z } from 'zod';
import { flag, integer, optional, setting, url } from './setting.js';

/** What the service says of itself to others than its callers. LOG_LEVEL and LOG_FORMAT stand with the service. */
export const telemetrySettings = {
  PROMETHEUS_ENABLED: setting(flag(), 'true', {
    group: 'Telemetry',
    description: 'Whether GET /metrics is served, on a port of its own.',
  }),
  PROMETHEUS_PORT: setting(integer(0, 65_535), '8001', {
    group: 'Telemetry',
    description:
      'The port of GET /metrics; 0 takes a free one. Where it cannot be had, the service goes on without.',
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: optional(url('http', 'https'), {
    group: 'Telemetry',
    description:
      'Where traces go: an OTLP collector over HTTP, such as http://collector:4318. Without it there are none.',
  }),
  OTEL_EXPORTER_OTLP_HEADERS: optional(
    z.string().regex(/^[^=,]+=[^,]*(,[^=,]+=[^,]*)*$/, 'must be name=value,name=value'),
    {
      group: 'Telemetry',
      description: 'Headers for the collector, such as the key that it asks for: name=value,name=value.',
      secret: true,
    },
  ),
  OTEL_SERVICE_NAME: setting(z.string(), 'mainstay', {
    group: 'Telemetry',
    description: 'What the service is called in traces.',
  }),
  OTEL_TRACES_SAMPLER_ARG: setting(
    z
      .string()
      .transform(Number)
      .refine((n) => n >= 0 && n <= 1, 'must be a number from 0 to 1'),
    '1',
    {
      group: 'Telemetry',
      description: 'The share of new traces that is kept. What a caller has decided for its own stands.',
    },
  ),
  SERVER_TIMING: setting(flag(), 'true', {
    group: 'Telemetry',
    description: 'Whether answers say in Server-Timing what their time was spent on.',
  }),
};
