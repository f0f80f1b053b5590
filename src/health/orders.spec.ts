import { Logger } from '@nestjs/common';
import { FakeFleet } from '../../test/support/fleet.js';
import { readSettings } from '../config/settings.js';
import { ServiceState } from '../kernel/service-state.js';
import { Dependencies } from '../resilience/dependencies.js';
import { Metrics } from '../telemetry/metrics.js';
import { CircuitOrders } from './circuit.orders.js';
import { MaintenanceSwitch } from './maintenance.js';

describe('What operators say to another replica', () => {
  beforeEach(() => Logger.overrideLogger(false));

  it('is obeyed here, if it can be understood', () => {
    const dependencies = new Dependencies(readSettings({}), new Metrics());
    const cache = dependencies.register({
      name: 'cache',
      criticality: 'optional',
      adapter: 'fake',
      traits: { durable: true, shared: true },
      classify: () => undefined,
      check: () => Promise.resolve(),
      timeoutMs: 1_000,
    });
    const fleet = new FakeFleet();
    const orders = new CircuitOrders(dependencies, fleet);
    orders.onApplicationBootstrap();
    fleet.say('circuit', { dependency: 'unknown', order: 'isolate' });
    fleet.say('circuit', { dependency: 'cache', order: 'explode' });
    expect(cache.circuit.at).toBe('closed');
    fleet.say('circuit', { dependency: 'cache', order: 'isolate' });
    expect(cache.circuit.at).toBe('isolated');
    orders.onApplicationShutdown();
    fleet.say('circuit', { dependency: 'cache', order: 'reset' });
    expect(cache.circuit.at).toBe('isolated');
  });

  it('begins and ends maintenance here as well, and keeps since when', () => {
    const [state, fleet] = [new ServiceState(), new FakeFleet()];
    const maintenance = new MaintenanceSwitch(state, fleet);
    maintenance.onApplicationBootstrap();
    fleet.say('maintenance', { enabled: true, detail: 'Moving house', retry_after_ms: 5_000 });
    const { since } = state.maintenance!;
    expect(state.maintenance).toMatchObject({ detail: 'Moving house', retryAfterMs: 5_000 });
    maintenance.set({ enabled: true });
    expect(state.maintenance).toEqual({
      since,
      detail: 'The service is under maintenance',
      retryAfterMs: 60_000,
    });
    expect(fleet.told).toEqual([
      { topic: 'maintenance', word: { enabled: true, detail: null, retry_after_ms: null } },
    ]);
    fleet.say('maintenance', { enabled: 'what?' });
    expect(state.maintenance).toBeUndefined();
    maintenance.toggle();
    expect(state.maintenance).toBeDefined();
    maintenance.toggle();
    maintenance.onApplicationShutdown();
    fleet.say('maintenance', { enabled: true });
    expect(state.maintenance).toBeUndefined();
  });
});
