import module from 'node:module';
import { isNodeNewEnough, runOnOwnNode } from './own-node.js';

if (isNodeNewEnough()) {
  // What was compiled for the last start is kept for this one, which saves a fifth of the time. It must be on before the
  // rest is loaded. Stack traces name our sources; reading the maps of every package as well would cost more than that.
  module.enableCompileCache();
  module.setSourceMapsSupport(true, { nodeModules: false, generatedCode: false });
  const { serve } = await import('./service.js');
  await serve();
} else runOnOwnNode();
