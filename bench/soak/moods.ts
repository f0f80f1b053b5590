import type { ProviderFault, Route } from '../../test/support/provider.faults.ts';

// As they come from providers: a refusal, a page of a proxy, and all the ways in which a stream goes wrong.
const FAULTS: readonly ProviderFault[] = [
  { kind: 'status', status: 500 },
  { kind: 'cut', afterTokens: 3, how: 'rst' },
  { kind: 'html', status: 502 },
  { kind: 'stall', afterTokens: 3 },
  { kind: 'unfinished', afterTokens: 3 },
  { kind: 'error_event', afterTokens: 0 },
  { kind: 'malformed', afterTokens: 3 },
  { kind: 'hang', at: 'headers' },
  { kind: 'cut', afterTokens: 0, how: 'fin' },
  { kind: 'empty' },
];

/**
 * A provider whose every so-manieth reply is a fault, of each kind in turn, and that otherwise writes as models do: word by
 * word.
 */
export class Moods {
  replies = 0;
  faults = 0;
  private quiet = false;
  private readonly every: number;
  private readonly wordMs: number;

  /** @param every 20 for 5 % of the replies */
  constructor(every: number, wordMs: number) {
    this.every = every;
    this.wordMs = wordMs;
  }

  next(route: Route): ProviderFault | undefined {
    const well: ProviderFault = { kind: 'drip', everyMs: this.quiet ? 5 * this.wordMs : this.wordMs };
    if (route === 'models' || this.quiet) return well;
    this.replies += 1;
    if (this.replies % this.every !== 0) return well;
    const fault = FAULTS[this.faults % FAULTS.length]!;
    this.faults += 1;
    return fault;
  }

  /** From now on nothing is wrong with it, and it takes its time. */
  calm(): void {
    this.quiet = true;
  }
}
