import {
  type Attributes,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from '@opentelemetry/api';
import { sleep } from '../kernel/abort.js';
import { RequestContext } from './request.context.js';
import type { TracingOptions } from './tracing.options.js';
import { childOf, parseTraceparent, type TraceContext, traceparentOf } from './trace.context.js';

/** A request as a part of a trace. `span` is absent where nothing is traced. */
export interface ServerTrace {
  trace: TraceContext;
  span: Span | undefined;
}

export type { Span };

// What is left is sent, and a collector that is away holds up no stop.
const LAST_EXPORT_MS = 1_000;
// The flags are bits, so it is compared as one.
const SAMPLED: number = TraceFlags.SAMPLED;

const NOTHING_TO_END = () => {};

let stop: (() => Promise<void>) | undefined;

/** From now on spans are made and sent. The packages for it are loaded only here: most services do without. */
export async function startTracing(options: TracingOptions): Promise<void> {
  const { newProvider } = await import('./tracing.provider.js');
  const provider = newProvider(options);
  trace.setGlobalTracerProvider(provider);
  stop = async () => {
    trace.disable();
    await Promise.race([provider.shutdown(), sleep(LAST_EXPORT_MS)]);
  };
}

/** Sends what is left. */
export async function stopTracing(): Promise<void> {
  const stopping = stop;
  stop = undefined;
  await stopping?.();
}

/** A request begins: its part of the caller's trace, which is told to those that it is passed on to even if nothing is traced here. */
export function startRequest(method: string, traceparent: unknown): ServerTrace {
  const parent = parseTraceparent(traceparent);
  if (stop === undefined) return { trace: childOf(parent), span: undefined };
  const span = start(method, SpanKind.SERVER, { 'http.request.method': method }, parent);
  return { trace: contextOf(span), span };
}

/** @param route its template: a path may hold anything */
export function endRequest(span: Span, method: string, route: string, status: number): void {
  span.updateName(`${method} ${route}`);
  span.setAttributes({ 'http.route': route, 'http.response.status_code': status });
  if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

/** Does something as a part of the request's trace: a call out of the process. @param peer whom it goes to */
export function inSpan<T>(peer: string, operation: string, work: () => Promise<T>): Promise<T> {
  const request = stop === undefined ? undefined : RequestContext.current();
  return request === undefined ? work() : traced(request, peer, operation, work);
}

async function traced<T>(
  request: RequestContext,
  peer: string,
  operation: string,
  work: () => Promise<T>,
): Promise<T> {
  const span = startCall(request, peer, operation);
  try {
    return await request.within(contextOf(span)).run(work);
  } catch (error) {
    span.setStatus(failureOf(error));
    throw error;
  } finally {
    span.end();
  }
}

/** The same for what goes on after it was begun: its end is told. @returns what ends it, with what it failed with if it did */
export function beginSpan(peer: string, operation: string): (error?: unknown) => void {
  const request = stop === undefined ? undefined : RequestContext.current();
  if (request === undefined) return NOTHING_TO_END;
  const span = startCall(request, peer, operation);
  return (error) => {
    if (error !== undefined) span.setStatus(failureOf(error));
    span.end();
  };
}

/** What whoever is called for a request is told of its trace: the header `traceparent`, also where nothing is traced here. */
export function outgoingTrace(): { traceparent?: string } {
  const request = RequestContext.current();
  return request === undefined ? {} : { traceparent: traceparentOf(request.trace) };
}

/** The message of an error may hold anything; its kind says enough. */
function failureOf(error: unknown) {
  return { code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : 'error' };
}

function startCall({ trace: parent }: RequestContext, peer: string, operation: string): Span {
  return start(`${peer} ${operation}`, SpanKind.CLIENT, { 'peer.service': peer }, parent);
}

function start(name: string, kind: SpanKind, attributes: Attributes, parent: TraceContext | undefined): Span {
  const context =
    parent === undefined
      ? ROOT_CONTEXT
      : trace.setSpanContext(ROOT_CONTEXT, {
          traceId: parent.traceId,
          spanId: parent.spanId,
          traceFlags: parent.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
          isRemote: kind === SpanKind.SERVER,
        });
  return trace.getTracer('mainstay').startSpan(name, { kind, attributes }, context);
}

function contextOf(span: Span): TraceContext {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return { traceId, spanId, sampled: (traceFlags & SAMPLED) !== 0 };
}
