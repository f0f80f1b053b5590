import { AsyncLocalStorage } from 'node:async_hooks';
import { Timings } from './timings.js';
import type { TraceContext } from './trace.context.js';

/** What everything that is done for a request can know of it: for the log, traces and timings, and for nothing else. */
export class RequestContext {
  constructor(
    readonly requestId: string,
    readonly trace: TraceContext,
    readonly timings = new Timings(),
  ) {}

  /** The request that this code runs for, if it runs for one. */
  static current(): RequestContext | undefined {
    return ambient.getStore();
  }

  run<T>(work: () => T): T {
    return ambient.run(this, work);
  }

  /** The same request, in a part of its trace. */
  within(trace: TraceContext): RequestContext {
    return new RequestContext(this.requestId, trace, this.timings);
  }
}

const ambient = new AsyncLocalStorage<RequestContext>();
