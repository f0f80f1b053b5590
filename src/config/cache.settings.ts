import { z } from 'zod';
import { redisAddress } from './redis.address.js';
import { integer, optional, setting } from './setting.js';

/** Redis: what may be lost at any moment, and is shared by the replicas. */
export const cacheSettings = {
  REDIS_URL: optional(
    z
      .string()
      .refine(
        (url) => redisAddress(url) !== undefined,
        'must be redis://host:port/db, redis+sentinel://host:port,host:port/master-name or redis+cluster://host:port,host:port (rediss… for TLS), each with user:password@ where there is one',
      ),
    {
      group: 'Cache',
      secret: true,
      description:
        'Redis 6 or newer: redis://, redis+sentinel:// or redis+cluster://, and rediss… for TLS. Without it, the memory of this process.',
    },
  ),
  REDIS_COMMAND_TIMEOUT_MS: setting(integer(10, 60_000), '250', {
    group: 'Cache',
    unit: 'ms',
    description:
      'The longest that one command may take, and so what an outage of Redis costs the first few requests. At least five times the usual round trip: the start says so where it is less.',
  }),
  REPLICAS: setting(integer(1, 10_000), '1', {
    group: 'Service',
    description:
      'How many processes of this service run beside each other. While they cannot count together in Redis, each allows itself its share of every limit: the limit divided by this.',
  }),
};
