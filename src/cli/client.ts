import type { z } from 'zod';
import type { Answer } from '../features/answers/answers.schemas.js';
import type { accepted, documentView, newDocument } from '../features/knowledge/document.schemas.js';
import type { searchRequest, searchResponse } from '../features/search/search.schemas.js';
import type { Problem } from '../http/problem.js';
import { sleep } from '../kernel/abort.js';

export type DocumentView = z.output<typeof documentView>;
export type SearchResponse = z.output<typeof searchResponse>;
export type Filter = SearchRequest['filter'];
type Page = { data: DocumentView[]; next_cursor: string | null };
type NewDocument = z.input<typeof newDocument>;
type SearchRequest = z.input<typeof searchRequest>;

// The longest route allows itself 60 s, and answers when they are over.
const REQUEST_TIMEOUT_MS = 65_000;
// With the waits between them, some eight seconds: a restart behind a load balancer takes less, an outage more.
const ATTEMPTS_MAX = 5;
const WAIT_MIN_MS = 500;
const WAIT_MAX_MS = 30_000;
const NO_CONTENT = 204;
const TRANSIENT = new Set([429, 502, 503, 504]);

/** The service understood the request and does not do it. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    remedy: string | undefined,
  ) {
    super(remedy === undefined ? detail : `${detail}. ${remedy}`);
    this.name = 'Refused';
  }

  /** Whether any other request would be refused as well. */
  get forAll(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

/** The service cannot be reached, or says that it cannot serve now, and still does after several tries. */
export class Unavailable extends Error {
  constructor(
    message: string,
    readonly retryAfterMs?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'Unavailable';
  }
}

/** A service of ours, over HTTP. Nearly every request may be sent twice: those that change something say what to, not by how much. */
export class Client {
  readonly url: string;
  /** Is told of each wait before another try. */
  onWait: (message: string) => void = () => {};

  constructor(
    url: string,
    private readonly token: string | undefined,
    private readonly business: string | undefined,
  ) {
    this.url = url.replace(/\/+$/, '');
  }

  /** Whether a Mainstay answers there. It is asked once: a wrong URL does not get better. @throws Unavailable */
  async identify(signal: AbortSignal): Promise<void> {
    const response = await this.send('GET', '/health', undefined, signal);
    const body = await readJson(response);
    if ((body as { service?: unknown } | undefined)?.service !== 'mainstay') {
      throw new Unavailable(
        `What answers at ${this.url} (HTTP ${response.status}) is not Mainstay. Is the URL right?`,
      );
    }
  }

  /** The document that has this external id, if there is one. */
  async find(externalId: string, collection: string, signal: AbortSignal): Promise<DocumentView | undefined> {
    const query = new URLSearchParams({ external_id: externalId, collection, limit: '1' });
    const { data } = await this.request<Page>('GET', `/api/v1/documents?${query}`, undefined, signal);
    return data[0];
  }

  /** The documents that the service has and is not done with. */
  async unsettled(signal: AbortSignal): Promise<DocumentView[]> {
    const found: DocumentView[] = [];
    for (const status of ['processing', 'queued']) {
      for (let cursor: string | null = ''; cursor !== null;) {
        const query = new URLSearchParams({ status, limit: '200', ...(cursor !== '' && { cursor }) });
        const page: Page = await this.request('GET', `/api/v1/documents?${query}`, undefined, signal);
        found.push(...page.data);
        cursor = page.next_cursor;
      }
    }
    return found;
  }

  async hasDocuments(signal: AbortSignal): Promise<boolean> {
    const { data } = await this.request<Page>('GET', '/api/v1/documents?limit=1', undefined, signal);
    return data.length > 0;
  }

  document(id: string, signal: AbortSignal): Promise<DocumentView> {
    return this.request('GET', `/api/v1/documents/${id}`, undefined, signal);
  }

  /** Where the documents that an answer cites come from: their external ids, by their own. */
  async placesOf({ citations }: Answer, signal: AbortSignal): Promise<Map<string, string>> {
    const ids = [...new Set(citations.map((citation) => citation.document_id))].filter((id) => id !== null);
    const documents = await Promise.all(ids.map((id) => this.document(id, signal)));
    return new Map(documents.flatMap(({ id, external_id: place }) => (place === null ? [] : [[id, place]])));
  }

  submit(document: NewDocument, signal: AbortSignal): Promise<z.output<typeof accepted>> {
    return this.request('POST', '/api/v1/documents', document, signal);
  }

  async retry(id: string, signal: AbortSignal): Promise<void> {
    await this.request('POST', `/api/v1/documents/${id}/retry`, undefined, signal);
  }

  ask(
    question: string,
    options: Pick<SearchRequest, 'collection' | 'filter' | 'limit'>,
    signal: AbortSignal,
  ): Promise<Answer> {
    return this.request('POST', '/api/v1/answers', { question, ...options }, signal);
  }

  search(request: SearchRequest, signal: AbortSignal): Promise<SearchResponse> {
    return this.request('POST', '/api/v1/search', request, signal);
  }

  /** For what may be done twice. @throws Refused, or Unavailable after the last try */
  async request<T>(method: string, path: string, body: unknown, signal: AbortSignal): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.once<T>(method, path, body, signal);
      } catch (error) {
        if (!(error instanceof Unavailable) || attempt === ATTEMPTS_MAX) throw error;
        const waitMs = wait(attempt, error.retryAfterMs);
        this.onWait(
          `${error.message} Trying again in ${(waitMs / 1_000).toFixed(1)} s (${attempt + 1} of ${ATTEMPTS_MAX})`,
        );
        await sleep(waitMs, signal);
      }
    }
  }

  /** For what makes something new each time. @throws Refused, Unavailable */
  async once<T>(method: string, path: string, body: unknown, signal: AbortSignal): Promise<T> {
    const response = await this.send(method, path, body, signal);
    const answer = await readJson(response);
    if (response.ok && (answer !== undefined || response.status === NO_CONTENT)) return answer as T;
    const problem = (answer ?? {}) as Partial<Problem>;
    const detail = problem.detail ?? `HTTP ${response.status} without an explanation`;
    if (TRANSIENT.has(response.status)) {
      throw new Unavailable(`${this.url} cannot do it now: ${detail}.`, retryAfterMs(response));
    }
    throw new Refused(
      response.status,
      problem.code ?? 'unknown',
      detail,
      remedy(response.status, problem.request_id),
    );
  }

  private async send(method: string, path: string, body: unknown, signal: AbortSignal): Promise<Response> {
    const url = new URL(this.url + path);
    if (this.business !== undefined) url.searchParams.set('business_id', this.business);
    const limit = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    try {
      return await fetch(url, {
        method,
        headers: {
          ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, limit]),
      });
    } catch (error) {
      signal.throwIfAborted();
      const why = limit.aborted
        ? `gave no answer within ${REQUEST_TIMEOUT_MS / 1_000} s`
        : `does not answer (${reason(error)})`;
      throw new Unavailable(`${this.url} ${why}. Is the service running there?`, undefined, { cause: error });
    }
  }
}

/** Undefined where there is none: a proxy's page, or an answer that was cut off. */
async function readJson(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** fetch hides the reason one level down. */
function reason(error: unknown): string {
  const cause = (error as { cause?: { code?: string; message?: string } }).cause;
  return cause?.code ?? cause?.message ?? String(error);
}

/** At least what the service asks for; else twice as long each time, and not in step with other clients. */
function wait(attempt: number, askedMs = 0): number {
  const backoffMs = WAIT_MIN_MS * 2 ** (attempt - 1) * (0.5 + Math.random());
  return Math.min(Math.max(backoffMs, askedMs), WAIT_MAX_MS);
}

/** Seconds or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(response: Response): number | undefined {
  const header = response.headers.get('retry-after');
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

function remedy(status: number, requestId: string | undefined): string | undefined {
  if (status === 401) return 'Give a token with --token or in MAINSTAY_TOKEN';
  if (status === 403) return 'Use another --token, or the --business that it belongs to';
  if (status >= 500 && requestId !== undefined)
    return `The log of the service has it as request ${requestId}`;
  return undefined;
}
