import { type Grant, type Level, Limits, type Rate } from '../../resilience/limits.js';
import { draft, level } from './bucket.js';
import { KEY_PREFIX } from './redis.cache.js';
import type { RedisLine } from './redis.line.js';

/**
 * One step on the server, by the server's own clock: no two replicas ever spend the same, and none needs the right time.
 * It is sent once. When its reply is lost, what it spent is wasted; a second try might have been granted as well.
 */
const TAKE = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local spend, period = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = tonumber(redis.call('GET', KEYS[1])) or now
-- Never emptier than empty: the clock may have been set back, or be another server's.
full = math.min(math.max(full, now), now + period)
local wait = full + spend - period - now
if wait > 0 then return {wait, full - now} end
local left = math.ceil((full + spend - now) / 1000)
redis.call('SET', KEYS[1], string.format('%.0f', full + spend), 'PX', math.max(left, 1))
return {0, full + spend - now}`;

/** Rates that all replicas count together, in Redis. Throws when Redis does not answer. */
export class RedisLimits extends Limits {
  constructor(private readonly line: RedisLine) {
    super();
  }

  async take(name: string, rate: Rate, cost: number): Promise<Grant & Level> {
    const { spendUs, periodUs } = draft(rate, cost);
    const key = `${KEY_PREFIX}limits:${name}`;
    const reply = await this.line.run((redis) => redis.eval(TAKE, 1, key, spendUs, periodUs));
    const [waitUs, untilFullUs] = reply as [number, number];
    const left = level(rate, untilFullUs);
    return waitUs > 0
      ? { granted: false, waitMs: Math.ceil(waitUs / 1_000), ...left }
      : { granted: true, ...left };
  }
}
