import { moduleOf } from './service.mjs';

// A connection goes back to the pool as it is, as with pg by itself: nothing cuts it, and nothing looks at it.
const { HardClient } = await moduleOf('platform/database/hard.client.js');
HardClient.prototype.destroy = () => {};
Object.defineProperty(HardClient.prototype, 'idle', { get: () => true });
