import { resolve } from 'node:path';
import type { Settings } from '../config/settings.js';
import { ExitCode } from '../kernel/exit-code.js';
import { sleep } from '../kernel/abort.js';
import { DataFolderLock, type LockHolder } from '../platform/database/data-folder.lock.js';
import { Client, Unavailable } from './client.js';
import { bootEmbedded, embeddedSettings } from './embedded.js';
import { CommandError } from './failure.js';
import { dimOnErr, type Shell } from './shell.js';

/** Which service, and who asks. */
export interface ServiceOptions {
  url?: string;
  token?: string;
  business?: string;
}

// A service that has just been started takes its folder first and serves a few seconds later.
const SERVING_TIMEOUT_MS = 15_000;
const SERVING_POLL_MS = 100;

/**
 * Does something with a service: the one that `--url` or MAINSTAY_URL names, or the one that holds this environment's data
 * folder, or else one that runs in this process for as long as the work takes.
 */
export async function withService<T>(
  shell: Shell,
  options: ServiceOptions,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const url = options.url ?? present(shell.env['MAINSTAY_URL']);
  if (url !== undefined) return work(await attach(shell, options, url, `Using the service at ${url}`));

  const settings = embeddedSettings(shell.env);
  const holder = await servingHolder(settings, shell.signal);
  if (holder !== undefined) return work(await attachToHolder(shell, options, settings, holder));

  shell.err(dimOnErr(`No service is running here: starting one in this process (${place(settings)})`));
  const { app, url: own } = await bootEmbedded(settings);
  try {
    shell.signal.throwIfAborted();
    return await work(newClient(shell, options, own));
  } finally {
    await app.close();
  }
}

/** A client of a service that runs already. @throws Unavailable when there is none */
export async function attach(
  shell: Shell,
  options: ServiceOptions,
  url: string,
  notice: string,
): Promise<Client> {
  assertServiceUrl(url);
  const client = newClient(shell, options, url);
  await client.identify(shell.signal);
  shell.err(dimOnErr(notice));
  return client;
}

function assertServiceUrl(url: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new CommandError(`${url} is not a URL of a service: write it as http://host:port`);
  }
  // The URL is shown, and this part of it must not be.
  if (parsed.username !== '' || parsed.password !== '') {
    throw new CommandError(
      'The URL of the service holds a user or a password: leave them out and give a --token',
    );
  }
}

/** @throws CommandError when the process that holds the folder does not answer */
export async function attachToHolder(
  shell: Shell,
  options: ServiceOptions,
  settings: Settings,
  { pid, host, url }: LockHolder & { url: string },
): Promise<Client> {
  const folder = resolve(settings.DATA_DIR);
  try {
    return await attach(
      shell,
      options,
      url,
      `Using the service at ${url} (process ${pid}, which holds ${folder})`,
    );
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    throw new CommandError(
      `The data folder ${folder} is in use by process ${pid} on ${host}, but ${error.message} ` +
        'Wait for that process to end, stop it, or set another DATA_DIR',
      ExitCode.dataFolder,
    );
  }
}

export function newClient(shell: Shell, options: ServiceOptions, url: string): Client {
  const client = new Client(url, options.token ?? present(shell.env['MAINSTAY_TOKEN']), options.business);
  client.onWait = (message) => shell.err(dimOnErr(message));
  return client;
}

/**
 * Who holds the data folder of these settings and serves, if anybody does. One that is still starting is waited for.
 * @throws CommandError when it does not serve after a while
 */
export async function servingHolder(
  settings: Settings,
  signal: AbortSignal,
): Promise<(LockHolder & { url: string }) | undefined> {
  if (settings.DATABASE_URL !== undefined) return undefined;
  const folder = resolve(settings.DATA_DIR);
  const untilMs = performance.now() + SERVING_TIMEOUT_MS;
  for (;;) {
    const holder = await DataFolderLock.holder(folder);
    if (holder === undefined) return undefined;
    const { url } = holder;
    if (url !== undefined) return { ...holder, url };
    if (performance.now() > untilMs) {
      throw new CommandError(
        `The data folder ${folder} is in use by process ${holder.pid}, which serves nothing. ` +
          'Wait for that process to end, stop it, or set another DATA_DIR',
        ExitCode.dataFolder,
      );
    }
    await sleep(SERVING_POLL_MS, signal);
  }
}

function place(settings: Settings): string {
  return settings.DATABASE_URL === undefined
    ? `data folder ${resolve(settings.DATA_DIR)}`
    : 'on DATABASE_URL';
}

/** An empty variable is an absent one. */
export function present(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
