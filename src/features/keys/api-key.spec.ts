import fc from 'fast-check';
import { hashOf, lastFourOf, newKey, tenantOf } from './api-key.js';

const SECRET = 'a secret that is at least 32 characters long';

describe('API keys', () => {
  it('name their tenant, whatever it is called', () => {
    const names = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,128}$/);
    fc.assert(fc.property(names, (businessId) => expect(tenantOf(newKey(businessId))).toBe(businessId)));
  });

  it('are never the same twice, and hold at least 32 random bytes', () => {
    const [one, another] = [newKey('acme'), newKey('acme')];
    expect(one).not.toBe(another);
    expect(Buffer.from(one.split('.')[1]!, 'base64url')).toHaveLength(32);
    expect(one.endsWith(lastFourOf(one))).toBe(true);
  });

  it.each([
    ['nothing', ''],
    ['another prefix', newKey('acme').replace('msk_', 'sk_')],
    ['a part of the secret', newKey('acme').slice(0, -1)],
    ['more than the secret', `${newKey('acme')}x`],
    ['no secret', newKey('acme').split('.')[0]!],
    ['no tenant', newKey('acme').replace(/_\w+\./, '_.')],
    ['a tenant with U+0000', newKey('a\u0000b')],
    ['a tenant in another spelling', newKey('ab').replace('YWI', 'YWJ')],
  ])('are none with %s', (_, key) => {
    expect(tenantOf(key)).toBeUndefined();
  });

  it('are kept as a hash that depends on all of the key and on the secret', () => {
    const key = newKey('acme');
    expect(hashOf(key, SECRET)).toHaveLength(32);
    expect(hashOf(key, SECRET)).toEqual(hashOf(key, SECRET));
    expect(hashOf(key, SECRET)).not.toEqual(hashOf(key, `${SECRET}!`));
    expect(hashOf(key, SECRET)).not.toEqual(hashOf(newKey('acme'), SECRET));
  });
});
