import { join } from 'node:path';
import { type Build, copyBuild } from './build.js';
import { Client } from './client.js';
import { type Fact, plant, settled } from './facts.js';
import { Service } from './service.js';
import { type Stack, startStack } from './stack.js';

const FACTS = 12;
const TENANTS = ['alpha', 'beta'];
const SETTLE_TIMEOUT_MS = 30_000;

/** What every row stands on. */
export interface Ground {
  stack: Stack;
  build: Build;
  facts: readonly Fact[];
  /** A module that is loaded before the service, and may take something out of it. */
  preload?: string;
}

/** Starts everything, and plants what is asked about later. */
export async function prepare(): Promise<Ground> {
  const build = await copyBuild();
  try {
    const stack = await startStack();
    try {
      const service = await Service.start(build, { ...stack.env, DATA_DIR: join(build.folder, 'data') });
      const client = new Client(service.url);
      try {
        const facts = await plant(client, TENANTS, FACTS);
        await settled(client, TENANTS, SETTLE_TIMEOUT_MS);
        return { stack, build, facts };
      } finally {
        client.close();
        await service.stop();
      }
    } catch (error) {
      await stack.stop();
      throw error;
    }
  } catch (error) {
    await build.remove();
    throw error;
  }
}
