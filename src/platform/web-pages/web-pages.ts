import type { Traits } from '../../resilience/dependency.js';

/** A page as it was fetched. Written by strangers: data, never instructions. */
export interface FetchedPage {
  /** Where it was found, after all redirects. */
  finalUrl: string;
  contentType: 'text/html' | 'text/plain' | 'text/markdown';
  /** Never more than the bytes that a document may have. */
  text: string;
}

/** What is wrong with a page or its address, for whoever asked for it. */
export type PageFaultCode =
  /** Its address is none that is fetched from. One code for all of the reasons: which it was would map our network. */
  | 'address_refused'
  | 'page_not_found'
  | 'page_forbidden'
  | 'page_refused'
  | 'page_redirects'
  | 'page_certificate'
  | 'page_type'
  | 'page_too_large'
  | 'page_unreadable'
  /** Its server fails, or does not answer: it may be tried again. */
  | 'page_unavailable';

/**
 * A page that could not be had, through no fault of this service's or of the web's: no circuit counts it. The message is
 * for the tenant to read: it says the remedy, and nothing that a server answered.
 */
export class PageFault extends Error {
  constructor(
    readonly code: PageFaultCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'PageFault';
  }

  /** Whether the same page may well be had later. */
  get transient(): boolean {
    return this.code === 'page_unavailable';
  }
}

/**
 * Fetches pages that tenants name, and is therefore asked for what it must not fetch: only addresses of the public
 * internet are connected to, those that were checked and no others (docs/decisions/0020).
 */
export abstract class WebPages {
  abstract readonly adapter: string;
  abstract readonly traits: Traits;

  /**
   * What can be said of an address without asking anybody.
   * @throws PageFault address_refused
   */
  abstract assertAllowed(url: string): void;

  /** @throws PageFault when the page cannot be had; the reason of the signal when that aborts first */
  abstract fetch(url: string, signal?: AbortSignal): Promise<FetchedPage>;
}
