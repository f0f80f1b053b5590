import { boot } from '../support/boot.js';
import { startCli } from '../support/cli.js';
import { temporaryFolder } from '../support/folder.js';

const SECRET_KEY = 'a secret that is at least 32 characters long';
const OPERATOR_TOKEN = 'an-operators-token-of-length';
const ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

describe('npm run cli -- keys', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeAll(async () => void (folder = await temporaryFolder()));
  afterAll(() => folder?.remove());

  const run = (...args: string[]) =>
    startCli('main', ['keys', ...args], folder.path, { SECRET_KEY, DATA_DIR: `${folder.path}/data` }).ended;

  it('makes keys, lists them without what opens anything, changes them over and takes them back', async () => {
    const made = await run('create', '--business', 'acme', '--name', 'crm', '--scopes', 'read,write');
    expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining('shown this once') });
    // The key and nothing else: a script takes it from here.
    const key = made.stdout.trimEnd();
    expect(key).toMatch(/^msk_YWNtZQ\.[\w-]{43}$/);
    expect(made.stderr).not.toContain(key.split('.')[1]);

    const listed = await run('list', '--business', 'acme', '--json');
    const [shown] = listed.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(shown).toMatchObject({ id: expect.stringMatching(ID), name: 'crm', scopes: ['read', 'write'] });
    expect(listed.stdout).not.toContain(key.split('.')[1]);

    const rotated = JSON.parse(
      (await run('rotate', shown.id, '--business', 'acme', '--grace', '0', '--json')).stdout,
    );
    expect(rotated).toMatchObject({ name: 'crm', replaces: { id: shown.id, replaced_by: rotated.id } });

    const service = await boot({ SECRET_KEY, OPERATOR_TOKEN, DATA_DIR: `${folder.path}/data` });
    const statusOf = async (bearer: string) =>
      (await service.api('GET', '/api/v1/documents', undefined, { authorization: `Bearer ${bearer}` }))
        .status;
    try {
      expect([await statusOf(key), await statusOf(rotated.key)]).toEqual([401, 200]);
      // With a service that runs it goes through that one, which then knows of it at once.
      const denied = await run('create', '--name', 'second');
      expect(denied).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('--token') });
      const second = await run('create', '--name', 'second', '--token', OPERATOR_TOKEN, '--json');
      expect(second.stderr).toContain('Using the service at');
      const { id, key: another } = JSON.parse(second.stdout);
      expect(await statusOf(another)).toBe(200);
      expect((await run('revoke', id, '--token', OPERATOR_TOKEN)).code).toBe(0);
      expect(await statusOf(another)).toBe(401);
    } finally {
      await service.close();
    }

    expect(await run('revoke', rotated.id, '--business', 'acme')).toMatchObject({
      code: 0,
      stdout: `${rotated.id} is revoked\n`,
    });
    const lines = (await run('list', '--business', 'acme')).stdout.trimEnd().split('\n');
    expect(lines).toEqual([
      expect.stringMatching(`^${rotated.id}  …${rotated.key.slice(-4)}  revoked `),
      expect.stringMatching(`^${shown.id}  …${key.slice(-4)}  expired `),
    ]);
    expect((await run('list', '--business', 'globex')).stdout).toBe('');
    const foreign = await run('revoke', rotated.id, '--business', 'globex');
    expect(foreign).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no API key') });
  }, 180_000);

  it.each([
    [['create', '--name', 'x', '--scopes', 'admin'], 2, 'comma list of read, write, operate'],
    [['create'], 2, "required option '--name <name>'"],
    [['revoke', 'crm'], 2, 'an id as list shows it'],
    [['revoke'], 2, "missing required argument 'id'"],
    [['explode'], 2, "unknown command 'explode'"],
  ])('says what is wrong with %j', async (args, code, words) => {
    expect(await run(...args)).toMatchObject({ code, stderr: expect.stringContaining(words) });
  });

  it('says that the service needs a secret', async () => {
    const args = ['keys', 'create', '--name', 'x'];
    const { ended } = startCli('main', args, folder.path, { DATA_DIR: `${folder.path}/data` });
    expect(await ended).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('SECRET_KEY') });
  });
});
