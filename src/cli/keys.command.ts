import { randomBytes } from 'node:crypto';
import { Command, InvalidArgumentError } from 'commander';
import type { z } from 'zod';
import type { keyView, madeKeyView, rotatedKeyView } from '../features/keys/keys.schemas.js';
import { ACCESS_SCOPES, type AccessScope } from '../kernel/key-ring.js';
import { present, withService } from './attach.js';
import type { Client } from './client.js';
import { type CommonOptions, newServiceCommand, whole } from './options.js';
import { dimOnErr, type Shell } from './shell.js';

type Key = z.output<typeof keyView>;
type MadeKey = z.output<typeof madeKeyView>;
type RotatedKey = z.output<typeof rotatedKeyView>;

interface CreateOptions extends CommonOptions {
  name: string;
  scopes: AccessScope[];
  expiresInDays?: number;
}

interface RotateOptions extends CommonOptions {
  grace: number;
}

const ROUTE = '/api/v1/keys';
const LIFE_DAYS_MAX = 3_650;
const GRACE_S_MAX = 30 * 86_400;
const GRACE_S_DEFAULT = 3_600;

/** Where the first key comes from: who may start the service on its database may hand keys out. */
export function keysCommand(shell: Shell): Command {
  const keys = new Command('keys').description(
    'API keys of a tenant: create, list, rotate, revoke (SECRET_KEY must be the one that the service has)',
  );
  keys.addCommand(
    newServiceCommand('create', 'make a key and print it, this once', [
      'keys create --business acme --name crm --scopes read,write --expires-in-days 90',
    ])
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
    newServiceCommand('list', 'list the keys of a tenant, and nothing that opens anything', [
      'keys list --business acme --json',
    ]).action((options: CommonOptions) => list(shell, options)),
  );
  keys.addCommand(
    newServiceCommand('rotate', 'make a key that takes the place of another, and print it, this once', [
      'keys rotate 0198c0de-… --business acme --grace 86400',
    ])
      .argument('<id>', 'its id, as list shows it', idIn)
      .option(
        '--grace <seconds>',
        'how long the old one goes on to be valid',
        whole(0, GRACE_S_MAX),
        GRACE_S_DEFAULT,
      )
      .action((id: string, options: RotateOptions) => rotate(shell, id, options)),
  );
  keys.addCommand(
    newServiceCommand('revoke', 'take a key back', ['keys revoke 0198c0de-… --business acme'])
      .argument('<id>', 'its id, as list shows it', idIn)
      .action((id: string, options: CommonOptions) => revoke(shell, id, options)),
  );
  return keys;
}

async function create(shell: Shell, options: CreateOptions): Promise<void> {
  const { name, scopes, expiresInDays, json } = options;
  await asOperator(shell, options, async (client) => {
    const body = { name, scopes, ...(expiresInDays !== undefined && { expires_in_days: expiresInDays }) };
    const made = await client.once<MadeKey>('POST', ROUTE, body, shell.signal);
    if (json === true) shell.out(JSON.stringify(made));
    else tell(shell, made.key, `${made.id} of ${made.business_id}: shown this once, and kept nowhere`);
  });
}

async function list(shell: Shell, options: CommonOptions): Promise<void> {
  await asOperator(shell, options, async (client) => {
    for (let cursor: string | null = ''; cursor !== null;) {
      const query = new URLSearchParams({ limit: '200', ...(cursor !== '' && { cursor }) });
      const page: { data: Key[]; next_cursor: string | null } = await client.request(
        'GET',
        `${ROUTE}?${query}`,
        undefined,
        shell.signal,
      );
      for (const key of page.data) shell.out(options.json === true ? JSON.stringify(key) : lineOf(key));
      cursor = page.next_cursor;
    }
  });
}

async function rotate(shell: Shell, id: string, options: RotateOptions): Promise<void> {
  await asOperator(shell, options, async (client) => {
    const body = { grace_s: options.grace };
    const made = await client.once<RotatedKey>('POST', `${ROUTE}/${id}/rotate`, body, shell.signal);
    const about = `${made.id} in the place of ${id}, which is valid until ${made.replaces.expires_at}`;
    if (options.json === true) shell.out(JSON.stringify(made));
    else tell(shell, made.key, about);
  });
}

async function revoke(shell: Shell, id: string, options: CommonOptions): Promise<void> {
  await asOperator(shell, options, async (client) => {
    await client.request('DELETE', `${ROUTE}/${id}`, undefined, shell.signal);
    shell.out(options.json === true ? JSON.stringify({ id, status: 'revoked' }) : `${id} is revoked`);
  });
}

/**
 * With a service that runs, by the token that it knows operators by; without one, with a service in this process, which is
 * given a token that nobody else has.
 */
async function asOperator(
  shell: Shell,
  options: CommonOptions,
  work: (client: Client) => Promise<void>,
): Promise<void> {
  const operator = present(shell.env['OPERATOR_TOKEN']) ?? randomBytes(32).toString('base64url');
  // It serves this command and takes no jobs, beside the processes that do.
  const env = { ...shell.env, OPERATOR_TOKEN: operator, INGEST_CONCURRENCY: '0' };
  const token = options.token ?? present(shell.env['MAINSTAY_TOKEN']) ?? operator;
  await withService({ ...shell, env }, { ...options, token }, work);
}

/** The key alone to standard output, so that a script can take it from there. */
function tell(shell: Shell, key: string, about: string): void {
  shell.err(dimOnErr(about));
  shell.out(key);
}

function lineOf({ id, last_four, status, scopes, name, expires_at }: Key): string {
  const until = expires_at === null ? '' : `  until ${expires_at}`;
  return `${id}  …${last_four}  ${status.padEnd(8)}  ${scopes.join(',')}  ${name}${until}`;
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
