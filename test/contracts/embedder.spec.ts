import { GuardedEmbedder } from '../../src/platform/llm/guarded.embedder.js';
import { HashingEmbedder } from '../../src/platform/llm/hashing.embedder.js';
import { newDependency } from '../support/guard.js';
import { embedderContract } from './embedder.suite.js';

embedderContract('hashing', () => new HashingEmbedder());
embedderContract('hashing, guarded', () => {
  const adapter = new HashingEmbedder();
  return new GuardedEmbedder(adapter, newDependency(adapter));
});
