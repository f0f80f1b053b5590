import { jest } from '@jest/globals';
import {
  BrokenCircuitError,
  CircuitState as Naked,
  ConsecutiveBreaker,
  circuitBreaker,
  handleAll,
} from 'cockatiel';
import { Circuit, type CircuitOptions, type CircuitState } from './circuit.js';

const OPTIONS: CircuitOptions = {
  consecutiveFaults: 3,
  windowCalls: 20,
  backoffMinMs: 1_000,
  backoffMaxMs: 60_000,
};

/** A dependency whose probe does what the test says. */
function circuitOf(options: Partial<CircuitOptions> = {}) {
  const probe = jest.fn<() => Promise<void>>().mockRejectedValue(new Error('still sick'));
  const seen: CircuitState['at'][] = [];
  const circuit = new Circuit({ ...OPTIONS, ...options }, probe, (state) => seen.push(state.at));
  const fault = (times = 1) => {
    for (let i = 0; i < times; i += 1) circuit.admit()?.fault('unreachable');
  };
  return { circuit, probe, seen, fault };
}

describe('Circuit', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('stays closed while faults are fewer than the limit, and opens at the limit', () => {
    const { circuit, fault } = circuitOf();
    fault(2);
    expect(circuit.state.at).toBe('closed');
    fault();
    expect(circuit.state).toMatchObject({ at: 'open', reason: 'unreachable' });
  });

  it('counts faults in a row: a success begins the row again', () => {
    const { circuit, fault } = circuitOf();
    fault(2);
    circuit.admit()!.success();
    fault(2);
    expect(circuit.state.at).toBe('closed');
  });

  it('opens when half of the last calls failed, though never many in a row', () => {
    const { circuit, fault } = circuitOf({ windowCalls: 10 });
    for (let i = 0; i < 5; i += 1) {
      circuit.admit()?.success();
      fault();
    }
    expect(circuit.state.at).toBe('open');
  });

  it('says when it is worth asking again', async () => {
    const { circuit, fault, probe } = circuitOf();
    expect(circuit.retryAfterMs()).toBe(0);
    fault(3);
    expect(circuit.retryAfterMs()).toBeGreaterThan(0);
    expect(circuit.retryAfterMs()).toBeLessThanOrEqual(1_000);
    probe.mockReturnValue(new Promise(() => {}));
    await jest.advanceTimersByTimeAsync(1_000);
    expect(circuit.state.at).toBe('half_open');
    expect(circuit.retryAfterMs()).toBe(1_000);
  });

  it('closes when the background probe succeeds, with a clean slate', async () => {
    const { circuit, probe, seen, fault } = circuitOf();
    fault(3);
    probe.mockResolvedValue();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(seen).toEqual(['open', 'half_open', 'closed']);
    fault(2);
    expect(circuit.state.at).toBe('closed');
  });

  it('refuses callers at once while the probe is under way, where the naked policy lets them wait for it', async () => {
    const { circuit, probe, fault } = circuitOf();
    probe.mockReturnValue(new Promise(() => {}));
    fault(3);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(circuit.admit()).toBeUndefined();
    expect(probe).toHaveBeenCalledTimes(1);

    const naked = await nakedHalfOpen();
    let answered = false;
    void naked.policy.execute(() => {}).finally(() => (answered = true));
    await jest.advanceTimersByTimeAsync(1_500);
    expect(answered).toBe(false);
    naked.finishProbe();
  });

  it('drops what a call of before the break says, where the naked policy re-opens for it', async () => {
    const { circuit, probe, fault } = circuitOf();
    const old = circuit.admit()!;
    fault(3);
    let finish = () => {};
    probe.mockReturnValue(new Promise((resolve) => (finish = resolve)));
    await jest.advanceTimersByTimeAsync(1_000);
    old.fault('unreachable');
    expect(circuit.state.at).toBe('half_open');
    finish();
    await jest.advanceTimersByTimeAsync(0);
    expect(circuit.state.at).toBe('closed');

    const policy = circuitBreaker(handleAll, { halfOpenAfter: 1_000, breaker: new ConsecutiveBreaker(1) });
    let failLate: (error: Error) => void = () => {};
    const late = policy.execute(() => new Promise((_, reject) => (failLate = reject))).catch(() => {});
    await policy.execute(() => Promise.reject(new Error('down'))).catch(() => {});
    await jest.advanceTimersByTimeAsync(1_000);
    void policy.execute(() => new Promise(() => {}));
    expect(policy.state).toBe(Naked.HalfOpen);
    failLate(new Error('late'));
    await late;
    expect(policy.state).toBe(Naked.Open);
  });

  it('takes only the first word on a call', () => {
    const { circuit } = circuitOf({ consecutiveFaults: 2 });
    const ticket = circuit.admit()!;
    ticket.success();
    ticket.fault('timeout');
    ticket.fault('timeout');
    expect(circuit.state.at).toBe('closed');
  });

  it('probes on time though the clock is set back an hour, where the naked policy stays open for that hour', async () => {
    const { circuit, probe, fault } = circuitOf();
    const policy = circuitBreaker(handleAll, { halfOpenAfter: 1_000, breaker: new ConsecutiveBreaker(1) });
    fault(3);
    await policy.execute(() => Promise.reject(new Error('down'))).catch(() => {});
    jest.setSystemTime(Date.now() - 3_600_000);
    probe.mockResolvedValue();
    await jest.advanceTimersByTimeAsync(2_000);
    expect(circuit.state.at).toBe('closed');
    await expect(policy.execute(() => 'well again')).rejects.toThrow(BrokenCircuitError);
  });

  it('waits longer the longer the dependency stays sick, up to the limit', async () => {
    const { circuit, probe, fault } = circuitOf({ backoffMaxMs: 8_000 });
    fault(3);
    const waits: number[] = [];
    for (let i = 0; i < 8; i += 1) {
      waits.push(circuit.retryAfterMs());
      await jest.advanceTimersByTimeAsync(circuit.retryAfterMs());
    }
    expect(probe).toHaveBeenCalledTimes(8);
    expect(Math.min(...waits.slice(4))).toBeGreaterThanOrEqual(4_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(8_000);
    expect(waits[0]).toBeLessThanOrEqual(1_000);
  });

  it('goes on with the back-off where it was when the dependency was well for a moment only', async () => {
    const { circuit, probe, fault } = circuitOf();
    fault(3);
    for (let i = 0; i < 5; i += 1) await jest.advanceTimersByTimeAsync(circuit.retryAfterMs());
    probe.mockResolvedValueOnce();
    await jest.advanceTimersByTimeAsync(circuit.retryAfterMs());
    expect(circuit.state.at).toBe('closed');
    fault(3);
    expect(circuit.retryAfterMs()).toBeGreaterThan(8_000);
  });

  it('begins with the shortest back-off again after the dependency was well for long', async () => {
    const { circuit, probe, fault } = circuitOf();
    fault(3);
    for (let i = 0; i < 5; i += 1) await jest.advanceTimersByTimeAsync(circuit.retryAfterMs());
    probe.mockResolvedValueOnce();
    await jest.advanceTimersByTimeAsync(circuit.retryAfterMs());
    await jest.advanceTimersByTimeAsync(600_000);
    fault(3);
    expect(circuit.retryAfterMs()).toBeLessThanOrEqual(1_000);
  });

  it('stays isolated until it is reset, whatever a probe that was under way finds', async () => {
    const { circuit, probe, fault } = circuitOf();
    let finish = () => {};
    probe.mockReturnValue(new Promise((resolve) => (finish = resolve)));
    fault(3);
    await jest.advanceTimersByTimeAsync(1_000);
    circuit.isolate();
    finish();
    await jest.advanceTimersByTimeAsync(600_000);
    expect(circuit.state.at).toBe('isolated');
    expect(circuit.admit()).toBeUndefined();
    circuit.reset();
    expect(circuit.state.at).toBe('closed');
    expect(probe).toHaveBeenCalledTimes(1);
  });

  it('needs nobody to listen', () => {
    const circuit = new Circuit({ ...OPTIONS, consecutiveFaults: 1 }, () => Promise.resolve());
    circuit.admit()!.fault('timeout');
    expect(circuit.state.at).toBe('open');
    circuit.stop();
  });

  it('arms no probe any more when the one under way at the stop fails', async () => {
    const { circuit, probe, fault } = circuitOf();
    let fail: (error: Error) => void = () => {};
    probe.mockReturnValue(new Promise((_, reject) => (fail = reject)));
    fault(3);
    await jest.advanceTimersByTimeAsync(1_000);
    circuit.stop();
    fail(new Error('sick'));
    await jest.advanceTimersByTimeAsync(60_000);
    expect(probe).toHaveBeenCalledTimes(1);
  });

  it('has nothing to heal while it is closed', () => {
    const { circuit, seen } = circuitOf();
    circuit.heal();
    expect(seen).toEqual([]);
  });

  it('probes no more once it is stopped', async () => {
    const { circuit, probe, fault } = circuitOf();
    fault(3);
    circuit.stop();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(probe).not.toHaveBeenCalled();
  });
});

/** cockatiel's own circuit breaker in half-open, with its probe still under way. */
async function nakedHalfOpen() {
  const policy = circuitBreaker(handleAll, { halfOpenAfter: 1_000, breaker: new ConsecutiveBreaker(1) });
  await policy.execute(() => Promise.reject(new Error('down'))).catch(() => {});
  await jest.advanceTimersByTimeAsync(1_000);
  let finishProbe = () => {};
  void policy.execute(() => new Promise<void>((resolve) => (finishProbe = resolve)));
  return { policy, finishProbe: () => finishProbe() };
}
