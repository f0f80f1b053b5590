// Loaded before the service (node --import): it then runs without its resilience. A call out of the process is the call
// and nothing else, and neither circuits nor cockatiel are loaded.
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    if (!resolved.url.endsWith('/dist/resilience/dependency.js')) return resolved;
    return {
      url: new URL('bare-dependency.mjs', import.meta.url).href,
      format: 'module',
      shortCircuit: true,
    };
  },
});
