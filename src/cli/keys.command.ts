import { Command, InvalidArgumentError } from 'commander';
import { ACCESS_SCOPES, type AccessScope } from '../kernel/key-ring.js';
import { withApplication } from './application.js';
import { CommandError } from './failure.js';
import { type JsonOption, newCommand, whole } from './options.js';
import { dimOnErr, type Shell } from './shell.js';

interface Options extends JsonOption {
  business: string;
}

interface CreateOptions extends Options {
  name: string;
  scopes: AccessScope[];
  expiresInDays?: number;
}

interface RotateOptions extends Options {
  grace: number;
}

const LIFE_DAYS_MAX = 3_650;
const DAY_S = 86_400;
const GRACE_S_DEFAULT = 3_600;
const PAGE = 200;

/** Where the first key comes from: who may run this on the database may hand keys out, and nobody needs to be asked. */
export function keysCommand(shell: Shell): Command {
  const keys = new Command('keys').description(
    'API keys of a tenant: create, list, revoke, rotate (SECRET_KEY must be the one that the service has)',
  );
  keys.addCommand(
    ofTenant('create', 'make a key and print it, this once', ['keys create --business acme --name crm'])
      .requiredOption('--name <name>', 'what it is for')
      .option('--scopes <list>', `a comma list of ${ACCESS_SCOPES.join(', ')}`, scopesIn, ['read', 'write'])
      .option(
        '--expires-in-days <days>',
        'how long it is valid (default: until it is revoked)',
        whole(1, LIFE_DAYS_MAX),
      )
      .action((options: CreateOptions) => create(shell, options)),
  );
  keys.addCommand(
    ofTenant('list', 'list the keys of a tenant, and nothing that opens anything', [
      'keys list --business acme --json',
    ]).action((options: Options) => list(shell, options)),
  );
  keys.addCommand(
    ofTenant('revoke', 'take a key back', ['keys revoke 0198… --business acme'])
      .argument('<id>', 'its id, as list shows it', idIn)
      .action((id: string, options: Options) => revoke(shell, id, options)),
  );
  keys.addCommand(
    ofTenant('rotate', 'make a key that takes the place of another, and print it, this once', [
      'keys rotate 0198… --business acme --grace 86400',
    ])
      .argument('<id>', 'its id, as list shows it', idIn)
      .option(
        '--grace <seconds>',
        'how long the old one goes on to be valid',
        whole(0, 30 * DAY_S),
        GRACE_S_DEFAULT,
      )
      .action((id: string, options: RotateOptions) => rotate(shell, id, options)),
  );
  return keys;
}

function ofTenant(name: string, description: string, examples: readonly string[]): Command {
  return newCommand(name, description, examples).option(
    '--business <id>',
    'the tenant',
    businessIn,
    'default',
  );
}

async function create(shell: Shell, { business, name, scopes, expiresInDays, json }: CreateOptions) {
  await withKeys(shell, async ({ keys, toView }) => {
    const lifeS = expiresInDays === undefined ? null : expiresInDays * DAY_S;
    const { key, record } = await keys.create(business, { name, scopes, lifeS });
    const view = toView(business, record);
    if (json === true) shell.out(JSON.stringify({ ...view, key }));
    else tell(shell, key, `${view.id} of ${business}: it is shown this once, and kept nowhere`);
  });
}

async function list(shell: Shell, { business, json }: Options) {
  await withKeys(shell, async ({ keys, toView }) => {
    for (let after: string | undefined, more = true; more;) {
      const page = await keys.list(business, { limit: PAGE, ...(after !== undefined && { after }) });
      for (const record of page) {
        const { id, status, scopes, name, last_four, expires_at } = toView(business, record);
        const until = expires_at === null ? '' : `  until ${expires_at}`;
        shell.out(
          json === true
            ? JSON.stringify(toView(business, record))
            : `${id}  …${last_four}  ${status.padEnd(8)}  ${scopes.join(',')}  ${name}${until}`,
        );
      }
      after = page.at(-1)?.id;
      more = page.length === PAGE;
    }
  });
}

async function revoke(shell: Shell, id: string, { business, json }: Options) {
  await withKeys(shell, async ({ keys }) => {
    await keys.revoke(business, id);
    shell.out(json === true ? JSON.stringify({ id, status: 'revoked' }) : `${id} is revoked`);
  });
}

async function rotate(shell: Shell, id: string, { business, grace, json }: RotateOptions) {
  await withKeys(shell, async ({ keys, toView }) => {
    const { key, record, replaced } = await keys.rotate(business, id, grace);
    const [view, replaces] = [toView(business, record), toView(business, replaced)];
    if (json === true) shell.out(JSON.stringify({ ...view, key, replaces }));
    else
      tell(
        shell,
        key,
        `${view.id} of ${business}, in the place of ${id}, which is valid until ${replaces.expires_at}`,
      );
  });
}

/** The key alone to standard output, so that a script can take it from there. */
function tell(shell: Shell, key: string, about: string): void {
  shell.err(dimOnErr(about));
  shell.out(key);
}

async function withKeys(shell: Shell, work: (parts: Parts) => Promise<void>): Promise<void> {
  if ((shell.env['SECRET_KEY'] ?? '') === '')
    throw new CommandError('API keys need SECRET_KEY, the one that the service has: openssl rand -hex 32');
  await withApplication(shell, {}, async (app) => {
    const { Keys } = await import('../features/keys/keys.service.js');
    const { toView } = await import('../features/keys/keys.view.js');
    const { AppError } = await import('../kernel/app-error.js');
    try {
      await work({ keys: app.get(Keys), toView });
    } catch (error) {
      throw error instanceof AppError ? new CommandError(error.message) : error;
    }
  });
}

interface Parts {
  keys: import('../features/keys/keys.service.js').Keys;
  toView: typeof import('../features/keys/keys.view.js').toView;
}

function scopesIn(value: string): AccessScope[] {
  const given = value.split(',').map((scope) => scope.trim());
  const known = ACCESS_SCOPES.filter((scope) => given.includes(scope));
  if (known.length !== new Set(given).size)
    throw new InvalidArgumentError(`It must be a comma list of ${ACCESS_SCOPES.join(', ')}.`);
  return known;
}

function idIn(value: string): string {
  if (!/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(value))
    throw new InvalidArgumentError('It must be an id as list shows it (a UUID).');
  return value;
}

function businessIn(value: string): string {
  if (!/^[A-Za-z0-9_.:-]{1,128}$/.test(value))
    throw new InvalidArgumentError('It must have 1 to 128 characters: letters, digits and _ . : -');
  return value;
}
