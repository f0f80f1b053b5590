import { SignJWT } from 'jose';
import { boot, type Booted } from '../support/boot.js';
import { aDocument } from '../support/documents.js';

describe('Access', () => {
  const SECRET = 'a secret that is at least 32 characters long';
  const OPERATOR = 'the operator’s own token'.replace('’', '');
  let service: Booted;
  beforeAll(async () => {
    service = await boot({ JWT_SECRET_KEY: SECRET, OPERATOR_TOKEN: OPERATOR.replaceAll(' ', '-') });
  }, 60_000);
  afterAll(() => service?.close());

  const token = (claims: object, expires = '10m', secret = SECRET) =>
    new SignJWT({ business_id: 'acme', scope: 'read write', ...claims })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime(expires)
      .sign(new TextEncoder().encode(secret));
  const list = async (authorization?: string, query = '') =>
    service.api(
      'GET',
      `/api/v1/documents${query}`,
      undefined,
      authorization === undefined ? {} : { authorization },
    );

  it('asks for credentials, and probes need none', async () => {
    expect(await list()).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    expect((await service.api('GET', '/health')).status).toBe(200);
    expect((await service.api('GET', '/api/v1/health/readiness')).status).toBe(200);
  });

  it('takes a token that is valid, and keeps it to its own tenant', async () => {
    const bearer = `Bearer ${await token({})}`;
    expect((await list(bearer)).status).toBe(200);
    expect((await list(bearer, '?business_id=acme')).status).toBe(200);
    expect(await list(bearer, '?business_id=other')).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    });
  });

  it('refuses a token that has expired, is forged, is unsigned, or names no tenant', async () => {
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"business_id":"acme","exp":9999999999}').toString('base64url')}.`;
    for (const bad of [
      await token({}, '-5m'),
      await token({}, '10m', 'another secret of 32 characters or more'),
      unsigned,
      await token({ business_id: undefined }),
      'nonsense',
    ]) {
      expect((await list(`Bearer ${bad}`)).status).toBe(401);
    }
    expect((await list('Basic abc')).status).toBe(401);
  });

  it('lets a reader read only', async () => {
    const authorization = `Bearer ${await token({ scope: 'read' })}`;
    expect((await list(authorization)).status).toBe(200);
    expect(await service.api('POST', '/api/v1/documents', aDocument(), { authorization })).toMatchObject({
      status: 403,
    });
  });

  it('takes what opens diagnostics as a password as well, where it is only looked', async () => {
    const basic = (password: string) => ({
      authorization: `Basic ${Buffer.from(`anybody:${password}`).toString('base64')}`,
    });
    const diagnostics = async (password: string) =>
      (await service.api('GET', '/api/v1/health/diagnostics', undefined, basic(password))).status;
    expect(await diagnostics(OPERATOR.replaceAll(' ', '-'))).toBe(200);
    expect(await diagnostics(await token({ scope: 'operate' }))).toBe(200);
    expect(await diagnostics(await token({}))).toBe(403);
    expect(await diagnostics('wrong')).toBe(401);
    const maintenance = { enabled: false };
    const changed = await service.api(
      'PUT',
      '/api/v1/operations/maintenance',
      maintenance,
      basic(OPERATOR.replaceAll(' ', '-')),
    );
    expect(changed.status).toBe(401);
  });

  it('shows diagnostics to operators', async () => {
    const diagnostics = (authorization: string) =>
      service.api('GET', '/api/v1/health/diagnostics', undefined, { authorization });
    expect((await diagnostics(`Bearer ${OPERATOR.replaceAll(' ', '-')}`)).status).toBe(200);
    expect((await diagnostics(`Bearer ${await token({ scope: 'operate' })}`)).status).toBe(200);
    expect((await diagnostics(`Bearer ${await token({})}`)).status).toBe(403);
    expect((await service.api('GET', '/api/v1/health/diagnostics')).status).toBe(401);
  });
});
