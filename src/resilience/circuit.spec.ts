import { jest } from '@jest/globals';
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
    circuit.admit()!.success();
    fault(2);
    expect(circuit.state.at).toBe('closed');
  });

  it('takes only the first word on a call', () => {
    const { circuit } = circuitOf({ consecutiveFaults: 2 });
    const ticket = circuit.admit()!;
    ticket.success();
    ticket.fault('timeout');
    ticket.fault('timeout');
    expect(circuit.state.at).toBe('closed');
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

  it('keeps the old faults to itself after the break: late tickets say nothing', async () => {
    const { circuit, probe, fault } = circuitOf();
    const late = circuit.admit()!;
    fault(3);
    probe.mockResolvedValue();
    await jest.advanceTimersByTimeAsync(1_000);
    late.fault('unreachable');
    circuit.admit()!.success();
    fault(2);
    expect(circuit.state.at).toBe('closed');
  });

  it('stays closed at a rate of faults while nobody else could do the work, and opens at a row of them', () => {
    const seen: string[] = [];
    const circuit = new Circuit(
      { ...OPTIONS, consecutiveFaults: 4, windowCalls: 4 },
      () => Promise.resolve(),
      ({ at }) => seen.push(at),
      () => false,
    );
    for (let i = 0; i < 10; i += 1) {
      circuit.admit()!.success();
      circuit.admit()!.fault('timeout');
    }
    expect(circuit.state.at).toBe('closed');
    for (let i = 0; i < 3; i += 1) circuit.admit()!.fault('timeout');
    expect(circuit.state.at).toBe('open');
    circuit.stop();
  });

  it('believes the first call after a probe that says otherwise, and then waits out its back-off', async () => {
    const { circuit, probe, fault } = circuitOf();
    probe.mockResolvedValue();
    fault(3);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(circuit.state.at).toBe('closed');
    fault();
    expect(circuit.state.at).toBe('open');
    // It looks well again, as it did before.
    circuit.heal();
    expect(circuit.state.at).toBe('open');
    expect(circuit.retryAfterMs()).toBeGreaterThan(500);
    await jest.advanceTimersByTimeAsync(2_000);
    expect(circuit.state.at).toBe('closed');
  });

  it('does not take the first slow call after a probe for the illness: nothing is warm yet', async () => {
    const { circuit, probe, fault } = circuitOf();
    probe.mockResolvedValue();
    fault(3);
    await jest.advanceTimersByTimeAsync(1_000);
    circuit.admit()!.fault('slow');
    expect(circuit.state.at).toBe('closed');
    circuit.admit()!.fault('unreachable');
    expect(circuit.state.at).toBe('open');
    circuit.stop();
  });

  it('takes the word of an operator for more than that of a probe', () => {
    const { circuit, fault } = circuitOf();
    fault(3);
    circuit.reset();
    fault(2);
    expect(circuit.state.at).toBe('closed');
  });

  it('opens at once on the word of somebody who looked, and only when it is closed', () => {
    const { circuit, seen } = circuitOf();
    circuit.trip('hung');
    expect(circuit.state).toMatchObject({ at: 'open', reason: 'hung', suspended: false });
    circuit.trip('hung');
    expect(seen).toEqual(['open']);
  });

  describe('suspended', () => {
    it('refuses for exactly as long as it was told, and closes without a probe', async () => {
      const { circuit, probe } = circuitOf();
      circuit.suspend('rate_limited', 30_000);
      expect(circuit.retryAfterMs()).toBe(30_000);
      await jest.advanceTimersByTimeAsync(29_999);
      expect(circuit.state).toMatchObject({ at: 'open', reason: 'rate_limited', suspended: true });
      await jest.advanceTimersByTimeAsync(1);
      expect(circuit.state.at).toBe('closed');
      expect(probe).not.toHaveBeenCalled();
    });

    it('is not healed by a check, which would succeed and prove nothing', () => {
      const { circuit } = circuitOf();
      circuit.suspend('quota', 30_000);
      circuit.heal();
      expect(circuit.state.at).toBe('open');
    });

    it('holds for the longest of the times it was told', async () => {
      const { circuit } = circuitOf();
      circuit.suspend('rate_limited', 10_000);
      circuit.suspend('rate_limited', 5_000);
      await jest.advanceTimersByTimeAsync(5_000);
      circuit.suspend('rate_limited', 20_000);
      await jest.advanceTimersByTimeAsync(19_999);
      expect(circuit.state.at).toBe('open');
      await jest.advanceTimersByTimeAsync(1);
      expect(circuit.state.at).toBe('closed');
    });

    it('leaves an isolation alone, and takes over from a back-off', async () => {
      const { circuit, fault } = circuitOf();
      fault(3);
      circuit.suspend('quota', 5_000);
      await jest.advanceTimersByTimeAsync(4_999);
      expect(circuit.state).toMatchObject({ at: 'open', reason: 'quota' });
      circuit.isolate();
      circuit.suspend('quota', 5_000);
      await jest.advanceTimersByTimeAsync(60_000);
      expect(circuit.state.at).toBe('isolated');
    });
  });
});
