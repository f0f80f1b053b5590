import { DependencyError } from '../../resilience/dependency-error.js';
import { WebSearch } from './web-search.js';

/** Where none is set up: nobody gets an answer, and everybody is told why. */
export class NoWebSearch extends WebSearch {
  readonly adapter = 'none';
  readonly traits = { durable: false, shared: false };

  /** @throws DependencyError not_installed */
  async find(): Promise<never> {
    throw new DependencyError('web_search', 'search', 'not_installed', {});
  }

  async check(): Promise<void> {}
}
