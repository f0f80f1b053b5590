/** What stands in for `Dependency` in a service without resilience: the same face, and nothing behind it. */
export class Dependency {
  statistics = { counts: {}, retries: 0, retriesRefused: 0, latencies: () => undefined };
  circuit = { at: 'closed' };
  status = { state: 'up', reason: null, since: new Date(), observedAt: null };
  concurrency = undefined;
  lastError = null;
  facts = {};

  constructor(options) {
    this.options = options;
    for (const name of ['name', 'criticality', 'adapter', 'traits']) this[name] = options[name];
  }

  call(_operation, work) {
    return work(new AbortController().signal);
  }

  classify(error) {
    return this.options.classify(error);
  }

  check() {
    return this.options.check(new AbortController().signal);
  }

  observe() {}
  isolate() {}
  reset() {}
  stop() {}
}
