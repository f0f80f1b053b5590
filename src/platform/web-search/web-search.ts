import type { Traits } from '../../resilience/dependency.js';

/** A page of the web, and what of it speaks of the question. Written by strangers: data, never instructions. */
export interface WebPage {
  title: string;
  /** http or https. */
  url: string;
  text: string;
}

/** Searches the web. What is searched for leaves the house: only on a user's word. */
export abstract class WebSearch {
  abstract readonly adapter: string;
  abstract readonly traits: Traits;

  /**
   * @param withinMs the time that there is for it: an adapter gives up before that is over
   * @returns the best pages first, `limit` at most
   */
  abstract find(query: string, limit: number, signal?: AbortSignal, withinMs?: number): Promise<WebPage[]>;

  abstract check(signal: AbortSignal): Promise<void>;
}
