import { type Browser, chromium } from 'playwright-core';
import { programMissing, programPath } from './needs.js';

export const browserMissing = programMissing('chromium');

/** Debian's Chromium, which talks to nobody but the page. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: programPath('chromium')!,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
