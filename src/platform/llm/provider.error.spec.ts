import type { Fault } from '../../resilience/dependency-error.js';
import {
  classifyProvider,
  errorOfEvent,
  errorOfReply,
  errorOfTransport,
  ProviderRefused,
} from './provider.error.js';

const body = (code: string | number | null, type: string | null = null) =>
  JSON.stringify({ error: { message: 'canary', code, type } });

describe('errorOfReply', () => {
  it.each<[status: number, headers: Record<string, string>, body: string, expected: Partial<Fault>]>([
    [401, {}, body('invalid_api_key'), { reason: 'unauthorized', transient: false, suspendMs: 60_000 }],
    [403, {}, '', { reason: 'unauthorized', transient: false }],
    [401, {}, '{}', { reason: 'unauthorized', transient: false }],
    [400, {}, body('invalid_api_key'), { reason: 'unauthorized', transient: false }],
    [500, {}, '{"error": null}', { reason: 'failed', transient: true }],
    [402, {}, body(402), { reason: 'quota', transient: false, suspendMs: 600_000 }],
    [400, {}, body('billing_hard_limit_reached'), { reason: 'quota', transient: false }],
    [429, {}, body(null, 'insufficient_quota'), { reason: 'quota', transient: false }],
    [429, { 'retry-after': '7' }, body('rate_limit_exceeded'), { reason: 'rate_limited', suspendMs: 7_000 }],
    [404, {}, body('model_not_found'), { reason: 'not_installed', transient: false }],
    [408, {}, '', { reason: 'timeout', transient: true }],
    [500, {}, '{"error": {"code"', { reason: 'failed', transient: true }],
    [502, {}, '<html>', { reason: 'unreachable', transient: true }],
    [503, {}, '', { reason: 'overloaded', transient: true }],
    [503, { 'retry-after': '3' }, '', { reason: 'overloaded', retryAfterMs: 3_000, suspendMs: 3_000 }],
    [504, {}, '', { reason: 'unreachable', transient: true }],
    [529, {}, body(null, 'overloaded_error'), { reason: 'overloaded', transient: true }],
    [302, {}, '', { reason: 'bad_reply', transient: false }],
  ])('takes %i with %j and %s for what it is', (status, headers, text, expected) => {
    const error = errorOfReply(status, headers, text);
    expect(classifyProvider(error)).toMatchObject(expected);
    expect(error.message).not.toContain('canary');
  });

  it('leaves the wait open where a sick server names none', () => {
    expect(classifyProvider(errorOfReply(503, {}, ''))).not.toHaveProperty('suspendMs');
  });

  it.each<[status: number, body: string, why: ProviderRefused['why']]>([
    [400, body('context_length_exceeded'), 'context_length'],
    [413, '', 'invalid_request'],
    [422, body(null, 'invalid_request_error'), 'invalid_request'],
    [400, body('content_policy_violation'), 'content_filter'],
  ])('holds %i with %s against nobody', (status, text, why) => {
    const error = errorOfReply(status, {}, text);
    expect(error).toBeInstanceOf(ProviderRefused);
    expect(error).toMatchObject({ why });
  });
});

describe('errorOfEvent', () => {
  it.each<[error: unknown, expected: Partial<Fault>]>([
    [{ code: 'insufficient_quota' }, { reason: 'quota' }],
    [{ code: 429 }, { reason: 'rate_limited' }],
    [{ type: 'server_error' }, { reason: 'failed', transient: true }],
    ['something', { reason: 'failed', transient: true }],
  ])('takes %j for what it is', (error, expected) => {
    expect(classifyProvider(errorOfEvent(error))).toMatchObject(expected);
  });

  it('tells what the provider only refused', () => {
    expect(errorOfEvent({ code: 'context_length_exceeded' })).toMatchObject({ why: 'context_length' });
  });
});

describe('errorOfTransport', () => {
  it.each([
    ['ECONNREFUSED', 'unreachable', true],
    ['ENOTFOUND', 'unreachable', true],
    ['UND_ERR_CONNECT_TIMEOUT', 'unreachable', true],
    ['UND_ERR_SOCKET', 'unreachable', true],
    ['CERT_HAS_EXPIRED', 'unreachable', false],
    ['HPE_INVALID_CONSTANT', 'bad_reply', true],
  ])('takes %s for %s', (code, reason, transient) => {
    const error = Object.assign(new Error('x'), { code });
    expect(classifyProvider(errorOfTransport(error))).toEqual({ reason, transient });
  });

  it('hides no mistake of ours', () => {
    const mistake = new TypeError('not a function');
    expect(errorOfTransport(mistake)).toBe(mistake);
    expect(errorOfTransport(undefined)).toBeUndefined();
  });
});
