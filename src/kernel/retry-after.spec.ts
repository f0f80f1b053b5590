import { retryAfterMs } from './retry-after.js';

describe('retryAfterMs', () => {
  const nowMs = Date.parse('2026-11-23T10:00:00Z');

  it.each([
    [{ 'retry-after': '1' }, 1_000],
    [{ 'retry-after': '61' }, 61_000],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': '7.5' }, 7_500],
    [{ 'retry-after': 'Mon, 23 Nov 2026 10:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Mon, 23 Nov 2026 09:59:00 GMT' }, 0],
    [{ 'retry-after-ms': '120' }, 120],
    [{ 'retry-after-ms': '120', 'retry-after': '1' }, 120],
    [{ 'retry-after': '99999999' }, 86_400_000],
    [{ 'retry-after': '-1' }, 0],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': ['1', '2'] }, undefined],
    [{}, undefined],
  ])('reads %j as %s ms', (headers, ms) => {
    expect(retryAfterMs(headers, nowMs)).toBe(ms);
  });
});
