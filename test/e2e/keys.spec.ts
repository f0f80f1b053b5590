import { decodeJwt, jwtVerify } from 'jose';
import { hashOf } from '../../src/features/keys/api-key.js';
import { Deadline } from '../../src/kernel/deadline.js';
import { KeyRing } from '../../src/kernel/key-ring.js';
import { Database } from '../../src/platform/database/database.js';
import { boot, type Booted } from '../support/boot.js';
import { aDocument, ingest } from '../support/documents.js';

const SECRET = 'a secret that is at least 32 characters long';
const JWT_SECRET = 'another secret that is at least 32 characters long';
const OPERATOR = 'an-operators-token-of-length';

describe('API keys', () => {
  let service: Booted;
  beforeAll(async () => {
    service = await boot({ SECRET_KEY: SECRET, JWT_SECRET_KEY: JWT_SECRET, OPERATOR_TOKEN: OPERATOR });
  }, 60_000);
  afterAll(() => service?.close());

  const as = (key: string) => ({ authorization: `Bearer ${key}` });
  const operator = as(OPERATOR);
  const create = async (fields: object = {}, headers = operator) =>
    service.api('POST', '/api/v1/keys', { name: 'crm', business_id: 'acme', ...fields }, headers);
  const list = (key: string, query = '') =>
    service.api('GET', `/api/v1/documents${query}`, undefined, as(key));
  const statusOf = async (key: string) => (await list(key)).status;
  const inTenant = <T>(sql: string, parameters: unknown[] = []) =>
    service.app
      .get(Database)
      .transaction('look', (tx) => tx.query<T>(sql, parameters), { businessId: 'acme' });

  it('are asked for, and their form is told apart from what is not known', async () => {
    const { body: made } = await create();
    expect((await service.api('GET', '/api/v1/documents')).status).toBe(401);
    const wrong = made.key.slice(0, -4) + (made.key.endsWith('AAAA') ? 'BBBB' : 'AAAA');
    expect(await list(wrong)).toMatchObject({
      status: 401,
      body: { code: 'unauthorized', detail: 'This API key is not known' },
    });
    expect(await list('msk_abc')).toMatchObject({ status: 401 });
    expect((await list(wrong)).headers.get('www-authenticate')).toBe('Bearer');
  });

  it('are shown once, and kept as a hash', async () => {
    const { status, headers, body } = await create({ scopes: ['read'], expires_in_days: 30 });
    expect(status).toBe(201);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toMatchObject({
      business_id: 'acme',
      name: 'crm',
      scopes: ['read'],
      status: 'active',
      last_four: body.key.slice(-4),
      revoked_at: null,
      replaced_by: null,
    });
    expect(body.key).toMatch(/^msk_YWNtZQ\.[\w-]{43}$/);
    const life = Date.parse(body.expires_at) - Date.parse(body.created_at);
    expect(life).toBe(30 * 86_400_000);
    const shown = await service.api('GET', '/api/v1/keys?business_id=acme', undefined, operator);
    expect(shown.body.data.map(({ id }: { id: string }) => id)).toContain(body.id);
    const secret = body.key.split('.')[1];
    expect(JSON.stringify(shown.body)).not.toContain(secret);
    const [row] = await inTenant<Record<string, unknown>>('select * from api_keys where id = $1', [body.id]);
    expect(Buffer.from(row!['hash'] as Uint8Array)).toEqual(hashOf(body.key, SECRET));
    expect(JSON.stringify(row)).not.toContain(secret);
  });

  it('are listed page by page, the newest first', async () => {
    const made: string[] = [];
    for (let i = 0; i < 3; i += 1)
      made.unshift((await create({ business_id: 'paged', name: `key ${i}` })).body.id);
    const pageOf = (query: string) =>
      service.api('GET', `/api/v1/keys?business_id=paged&limit=2${query}`, undefined, operator);
    const first = (await pageOf('')).body;
    const second = (await pageOf(`&cursor=${first.next_cursor}`)).body;
    expect([...first.data, ...second.data].map(({ id }: { id: string }) => id)).toEqual(made);
    expect(second.next_cursor).toBeNull();
  });

  it('are looked up in the time that the request has', async () => {
    const { key } = (await create()).body;
    const ring = service.app.get(KeyRing, { strict: false });
    const verify = ring.verify.bind(ring);
    let budgetMs: number | undefined;
    ring.verify = (given) => {
      budgetMs = Deadline.current()?.budgetMs;
      return verify(given);
    };
    try {
      const headers = { ...as(key), 'x-request-timeout-ms': '8765' };
      expect((await service.api('GET', '/api/v1/documents', undefined, headers)).status).toBe(200);
      expect(budgetMs).toBe(8_765);
    } finally {
      ring.verify = verify;
    }
  });

  it('see and change their own tenant, and no other', async () => {
    const [acme, globex] = await Promise.all(
      ['acme', 'globex'].map(async (business_id) => (await create({ business_id })).body.key),
    );
    const content = 'The heron of acme stands still.';
    const sent = await service.api('POST', '/api/v1/documents', aDocument({ content }), as(acme));
    expect(sent.status).toBe(202);
    const path = `/api/v1/documents/${sent.body.id}`;
    expect((await service.api('GET', path, undefined, as(acme))).status).toBe(200);
    expect((await service.api('GET', path, undefined, as(globex))).status).toBe(404);
    expect(await list(globex, '?business_id=acme')).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    });
    const search = { query: 'heron', business_id: 'acme' };
    expect((await service.api('POST', '/api/v1/search', search, as(globex))).status).toBe(403);
    expect((await service.api('POST', '/api/v1/search', search, as(acme))).status).toBe(200);
  });

  it('allow what their scopes say', async () => {
    const { key: reader } = (await create({ scopes: ['read'] })).body;
    const { key: writer } = (await create({ scopes: ['write'] })).body;
    const write = (key: string) => service.api('POST', '/api/v1/documents', aDocument(), as(key));
    expect([await statusOf(reader), (await write(reader)).status]).toEqual([200, 403]);
    expect([await statusOf(writer), (await write(writer)).status]).toEqual([403, 202]);
    expect((await create({}, as(reader))).body).toMatchObject({
      code: 'forbidden',
      detail: expect.stringContaining('operate'),
    });
  });

  it('let an operator of a tenant hand out and take back keys of that tenant alone', async () => {
    const { key: boss } = (await create({ scopes: ['operate'] })).body;
    const made = await create({ name: 'by the boss' }, as(boss));
    expect(made.status).toBe(201);
    expect((await create({ business_id: 'globex' }, as(boss))).status).toBe(403);
    const other = (await create({ business_id: 'globex' })).body;
    const remove = (id: string) => service.api('DELETE', `/api/v1/keys/${id}`, undefined, as(boss));
    expect((await remove(other.id)).status).toBe(404);
    expect(await statusOf(other.key)).toBe(200);
    expect((await remove(made.body.id)).status).toBe(204);
    expect(await statusOf(made.body.key)).toBe(401);
  });

  it('are refused from the moment in which they are revoked, and stay so', async () => {
    const { id, key } = (await create()).body;
    expect(await statusOf(key)).toBe(200);
    const revoke = () => service.api('DELETE', `/api/v1/keys/${id}?business_id=acme`, undefined, operator);
    expect((await revoke()).status).toBe(204);
    expect(await list(key)).toMatchObject({ status: 401, body: { detail: 'This API key is revoked' } });
    expect((await revoke()).status).toBe(204);
    expect(
      (await service.api('POST', `/api/v1/keys/${id}/rotate?business_id=acme`, {}, operator)).status,
    ).toBe(409);
  });

  it('are refused when they have expired', async () => {
    const { id, key } = (await create({ expires_in_days: 1 })).body;
    await inTenant(`update api_keys set expires_at = now() - interval '1 second' where id = $1`, [id]);
    expect(await list(key)).toMatchObject({ status: 401, body: { detail: 'This API key is expired' } });
  });

  it('are rotated: both work during the grace period, and then the new one alone', async () => {
    const rotate = (id: string, body?: object) =>
      service.api('POST', `/api/v1/keys/${id}/rotate?business_id=acme`, body, operator);
    const old = (await create({ scopes: ['read', 'operate'], expires_in_days: 10 })).body;
    expect(await statusOf(old.key)).toBe(200);
    const { status, body: made } = await rotate(old.id, { grace_s: 600 });
    expect(status).toBe(201);
    expect(made).toMatchObject({ name: 'crm', scopes: ['read', 'operate'], status: 'active' });
    expect(made.replaces).toMatchObject({ id: old.id, status: 'replaced', replaced_by: made.id });
    expect(Date.parse(made.replaces.expires_at) - Date.parse(made.created_at)).toBe(600_000);
    expect(Date.parse(made.expires_at) - Date.parse(made.created_at)).toBe(10 * 86_400_000);
    expect([await statusOf(old.key), await statusOf(made.key)]).toEqual([200, 200]);
    // A key has one successor.
    expect((await rotate(old.id)).status).toBe(409);
    const last = (await rotate(made.id, { grace_s: 0 })).body;
    expect([await statusOf(made.key), await statusOf(last.key)]).toEqual([401, 200]);
    expect((await rotate('0198c0de-0000-7000-8000-000000000000')).status).toBe(404);
  });

  it.each([
    [{ name: undefined }, 'name'],
    [{ name: ' ' }, 'name'],
    [{ scopes: [] }, 'scopes'],
    [{ scopes: ['admin'] }, 'scopes.0'],
    [{ expires_in_days: 0 }, 'expires_in_days'],
    [{ expires_in_days: 1.5 }, 'expires_in_days'],
    [{ business_id: 'a b' }, 'business_id'],
  ])('are not made from %j', async (fields, path) => {
    const { status, body } = await create(fields);
    expect(status).toBe(422);
    expect(body.errors[0].path).toBe(path);
  });

  describe('for a token', () => {
    const exchange = (key: string) => service.api('POST', '/api/v1/auth/token', undefined, as(key));

    it('are changed: it has their tenant and scopes, and lives half an hour', async () => {
      const { id, key } = (await create({ scopes: ['read', 'write'] })).body;
      const { status, headers, body } = await exchange(key);
      expect(status).toBe(200);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(body).toEqual({
        access_token: expect.any(String),
        token_type: 'Bearer',
        expires_in: 1_800,
        scope: 'read write',
      });
      const { payload } = await jwtVerify(body.access_token, new TextEncoder().encode(JWT_SECRET), {
        algorithms: ['HS256'],
      });
      expect(payload).toMatchObject({ sub: id, business_id: 'acme', scope: 'read write' });
      expect(payload.exp! - payload.iat!).toBe(1_800);
      await ingest(
        (method, path, sent) => service.api(method, path, sent, as(body.access_token)),
        aDocument(),
      );
      expect((await list(body.access_token, '?business_id=globex')).status).toBe(403);
    });

    it('that lives no longer than the key', async () => {
      const { id, key } = (await create()).body;
      await inTenant(`update api_keys set expires_at = now() + interval '1 minute' where id = $1`, [id]);
      const { body } = await exchange(key);
      expect(body.expires_in).toBeLessThanOrEqual(60);
      const { exp, iat } = decodeJwt(body.access_token);
      expect(exp! - iat!).toBe(body.expires_in);
    });

    it('and nothing else is: no token, and no operator’s', async () => {
      const { access_token: token } = (await exchange((await create()).body.key)).body;
      expect(await exchange(token)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
      expect((await exchange(OPERATOR)).status).toBe(401);
      expect((await exchange('msk_abc')).status).toBe(401);
    });
  });
});

describe('Without SECRET_KEY', () => {
  it('keys are neither made nor taken, and the problem names it', async () => {
    const service = await boot({ JWT_SECRET_KEY: JWT_SECRET, OPERATOR_TOKEN: OPERATOR });
    try {
      const made = await service.api(
        'POST',
        '/api/v1/keys',
        { name: 'x' },
        { authorization: `Bearer ${OPERATOR}` },
      );
      expect(made).toMatchObject({ status: 409, body: { detail: expect.stringContaining('SECRET_KEY') } });
      const key = { authorization: `Bearer msk_YWNtZQ.${'A'.repeat(43)}` };
      expect(await service.api('GET', '/api/v1/documents', undefined, key)).toMatchObject({
        status: 401,
        body: { detail: expect.stringContaining('SECRET_KEY') },
      });
    } finally {
      await service.close();
    }
  });
});

describe('Without JWT_SECRET_KEY', () => {
  it('keys are asked for, no token is taken, and none is given', async () => {
    const service = await boot({ SECRET_KEY: SECRET, OPERATOR_TOKEN: OPERATOR });
    const as = (token: string) => ({ authorization: `Bearer ${token}` });
    try {
      const { body } = await service.api('POST', '/api/v1/keys', { name: 'x' }, as(OPERATOR));
      const status = async (headers?: Record<string, string>) =>
        (await service.api('GET', '/api/v1/documents', undefined, headers)).status;
      expect([
        await status(),
        await status(as('eyJhbGciOiJIUzI1NiJ9.e30.x')),
        await status(as(body.key)),
      ]).toEqual([401, 401, 200]);
      expect(await service.api('POST', '/api/v1/auth/token', undefined, as(body.key))).toMatchObject({
        status: 409,
        body: { detail: expect.stringContaining('JWT_SECRET_KEY') },
      });
    } finally {
      await service.close();
    }
  });
});
