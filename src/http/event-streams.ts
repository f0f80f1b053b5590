import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Settings } from '../config/settings.js';
import { untilAborted } from '../kernel/abort.js';
import { CallerGone, Deadline } from '../kernel/deadline.js';
import { newId } from '../kernel/ids.js';
import { ServiceState } from '../kernel/service-state.js';
import type { StreamEvent } from '../kernel/stream-event.js';
import { Cache, type CacheSpace } from '../platform/cache/cache.js';
import { EventLine, orSilence } from './event-line.js';
import { OpenStreams } from './open-streams.js';
import { toProblem } from './problem.js';
import { StreamRecord } from './stream.record.js';

// How long a reader who lost a stream can have it gone on with, and of how many streams that is known.
const WINDOW_MS = 5 * 60_000;
const RECORDS_MAX = 10_000;

/** A text that somebody wants to read while it is written. */
export interface Telling {
  tenant: string;
  /** What was asked for: the same for a request that is sent again. */
  asked: unknown;
  /** @param draft what the reader has already; it is kept up to date */
  write: (draft: { text: string }) => AsyncIterable<StreamEvent>;
}

/** What is known of it, and what is to come. */
interface Told {
  record: StreamRecord;
  events: AsyncIterable<StreamEvent>;
}

/**
 * Streams of server-sent events (WHATWG HTML, "Server-sent events"), as answers to a POST. Each event has an id; a reader who
 * lost the connection sends the same request again with the last one in `Last-Event-ID`, to any replica, and is told what
 * he missed and the rest. Every stream ends with `done` or `error`, unless its reader has gone.
 */
@Injectable()
export class EventStreams {
  private readonly records: CacheSpace;

  constructor(
    private readonly state: ServiceState,
    private readonly settings: Settings,
    private readonly streams: OpenStreams,
    cache: Cache,
  ) {
    this.records = cache.space({ name: 'streams', entriesMax: RECORDS_MAX, ttlMs: WINDOW_MS });
  }

  /**
   * Answers a request with a stream, and resolves when it is over. What fails before the first event is thrown: it has an
   * answer with a status of its own.
   */
  async send(request: FastifyRequest, reply: FastifyReply, telling: Telling): Promise<void> {
    const leave = this.streams.enter(telling.tenant);
    try {
      await this.tell(request, reply, telling.tenant, await this.resume(request, telling));
    } finally {
      leave();
    }
  }

  /** What the reader has of it, and what is to come: from where he lost it, where that is known. */
  private async resume(request: FastifyRequest, { tenant, asked, write }: Telling): Promise<Told> {
    const hash = createHash('sha256').update(JSON.stringify(asked)).digest('base64url');
    const fresh = () => StreamRecord.of(newId(), hash);
    const last = request.headers['last-event-id'];
    if (last === undefined) return { record: fresh(), events: write({ text: '' }) };
    const [, id = '', number = ''] = /^([0-9a-f-]{36}):(\d{1,9})$/.exec(String(last)) ?? [];
    const bytes = await this.records.get(keyOf(tenant, id));
    const told = bytes === undefined ? undefined : StreamRecord.read(bytes);
    if (told === undefined || told.request !== hash)
      return { record: fresh(), events: begunAnew(write({ text: '' })) };
    const rest = told.whole ? nothing() : write({ text: told.text });
    const { record, missed } = told.from(Number(number), newId());
    return { record, events: follow(missed, rest) };
  }

  private async tell(
    request: FastifyRequest,
    reply: FastifyReply,
    tenant: string,
    { record, events }: Told,
  ): Promise<void> {
    const signal = Deadline.current()?.signal;
    const { STREAM_HEARTBEAT_MS: silentMs } = this.settings;
    const iterator = events[Symbol.asyncIterator]();
    const first = iterator.next();
    const early = await untilAborted(orSilence(first, silentMs), signal);
    const level: unknown = early?.value?.data['answer_level'];
    const headers: Record<string, string> = typeof level === 'string' ? { 'X-Answer-Level': level } : {};
    const line = new EventLine(reply, headers, signal, silentMs);
    const linesOf = (event: StreamEvent) => lines(`${record.id}:${record.add(event)}`, event);
    const say = (event: StreamEvent) => line.write(linesOf(event));
    const onStop = () => say(GOING);
    if (early === undefined) line.beat();
    let failed: string | undefined;
    try {
      if (this.state.stopping.aborted) onStop();
      else this.state.stopping.addEventListener('abort', onStop, { once: true });
      let next = early ?? (await untilAborted(first, signal));
      for (; next.done !== true; next = await untilAborted(iterator.next(), signal)) {
        if (!say(next.value)) await line.drained();
      }
    } catch (error) {
      // Whatever writes for the reader ends by the signal by which this does.
      const failure: unknown = signal?.aborted === true ? signal.reason : error;
      if (!(failure instanceof CallerGone)) failed = linesOf(this.failed(request, failure));
      void iterator.return?.();
    } finally {
      this.state.stopping.removeEventListener('abort', onStop);
    }
    try {
      // Before its reader knows that it broke off: he asks for the rest at once, and of a replica that has only this to go by.
      await this.keep(tenant, record);
    } finally {
      if (failed !== undefined) line.write(failed);
      line.end();
    }
  }

  /** Also for a request that is over: it is its reader who will want to have it. */
  private async keep(tenant: string, record: StreamRecord): Promise<void> {
    await Deadline.none(() => this.records.set(keyOf(tenant, record.id), record.bytes()));
  }

  private failed(request: FastifyRequest, error: unknown): StreamEvent {
    const shown = this.streams.failed(request, error);
    const { retryAfterMs } = shown;
    const retry = retryAfterMs === undefined ? {} : { retry_after_s: Math.ceil(retryAfterMs / 1_000) };
    return { event: 'error', data: { ...toProblem(shown, request.id), ...retry } };
  }
}

const GOING: StreamEvent = {
  event: 'shutdown',
  data: {
    detail: 'This process is ending. Should the stream break off, send the request again with Last-Event-ID.',
  },
};

/** What a reader is told who has a text of which nothing is known any more: whatever comes, it is not the rest of that. */
async function* begunAnew(events: AsyncIterable<StreamEvent>): AsyncGenerator<StreamEvent> {
  for await (const { event, data } of events) yield { event: event === 'meta' ? 'restart' : event, data };
}

async function* follow(
  missed: readonly StreamEvent[],
  events: AsyncIterable<StreamEvent>,
): AsyncGenerator<StreamEvent> {
  yield* missed;
  yield* events;
}

async function* nothing(): AsyncGenerator<StreamEvent> {}

/** JSON holds no line end of its own: one line of data says all. */
function lines(id: string, { event, data }: StreamEvent): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

function keyOf(tenant: string, id: string): string {
  return JSON.stringify([tenant, id]);
}
