import { registerHooks } from 'node:module';
import { moduleUrl } from './service.mjs';

// An export cannot be changed from outside, so another module stands in for the one that has it.
const policy = moduleUrl('resilience/policy.js');
const standIn = `
  import * as policy from '${policy}?itself';
  export * from '${policy}?itself';
  const FOR_EVER_MS = 2 ** 31 - 1;
  export const attempt = (work, _timeoutMs, caller) => policy.attempt(work, FOR_EVER_MS, caller);`;
registerHooks({
  load: (url, context, next) =>
    url === policy ? { format: 'module', source: standIn, shortCircuit: true } : next(url, context),
});
