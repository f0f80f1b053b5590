import { Injectable } from '@nestjs/common';
import { AppError } from '../../kernel/app-error.js';
import {
  ANY_MODEL,
  type ChatBody,
  type EmbeddingBody,
  Relay,
  type Relayed,
  type RelayedStream,
} from '../../platform/llm/relay.js';
import { QUERY_CHARACTERS_MAX } from '../search/search.schemas.js';
import { Library, type Material } from '../writing/library.js';
import type { ChatRequest, ModelEntry } from './gateway.schemas.js';
import { groundedBody, questionOf } from './grounding.js';
import { streamWithSources, withSources } from './sources.js';

const COLLECTION = 'documents';
// As many as an answer rests on where nothing else is said.
const PASSAGES = 6;

/** How well the documents could be searched; undefined where they were not asked. */
interface Found {
  retrieval?: Material['retrieval'];
}

/** OpenAI's API over the providers of this service, and over the documents of a tenant where that is asked for. */
@Injectable()
export class Gateway {
  constructor(
    private readonly relay: Relay,
    private readonly library: Library,
  ) {}

  models(): ModelEntry[] {
    const { models } = this.relay;
    if (models.length === 0) return [];
    return [{ id: ANY_MODEL, provider: 'mainstay' }, ...models].map(({ id, provider }) => ({
      id,
      object: 'model',
      created: 0,
      owned_by: provider,
    }));
  }

  /** @throws AppError not_found */
  model(id: string): ModelEntry {
    const found = this.models().find((model) => model.id === id);
    if (found !== undefined) return found;
    const message = `The model ${JSON.stringify(id.slice(0, 100))} does not exist here: GET /v1/models lists them`;
    throw new AppError('not_found', message, { errors: [{ path: 'model', message }] });
  }

  async chat(tenant: string, request: ChatRequest): Promise<Relayed & Found> {
    if (!isGrounded(request)) return this.relay.chat(bare(request));
    const { body, material } = await this.grounded(tenant, request);
    const relayed = await this.relay.chat(body);
    return { ...relayed, body: withSources(relayed.body, material), retrieval: material.retrieval };
  }

  async chatStream(tenant: string, request: ChatRequest): Promise<RelayedStream & Found> {
    if (!isGrounded(request)) return this.relay.chatStream(bare(request));
    const { body, material } = await this.grounded(tenant, request);
    const relayed = await this.relay.chatStream(body);
    const events = streamWithSources(relayed.events, material);
    return { ...relayed, events, retrieval: material.retrieval };
  }

  embeddings(body: EmbeddingBody): Promise<Relayed> {
    return this.relay.embeddings(body);
  }

  /** The body as a provider gets it, and the documents that it is grounded in. */
  private async grounded(
    tenant: string,
    { business_id: _tenant, metadata: _ours, ...rest }: ChatRequest,
  ): Promise<{ body: ChatBody; material: Material }> {
    const question = searchable(questionOf(rest));
    const scope = { businessId: tenant, collection: COLLECTION, filter: {} };
    const material = await this.library.find(question, scope, PASSAGES);
    return { body: groundedBody(rest, material.passages), material };
  }
}

function isGrounded({ metadata }: ChatRequest): boolean {
  return metadata?.knowledge === true || metadata?.knowledge === 'true';
}

/** The body without what is for this service. */
function bare({ business_id: _tenant, metadata, ...rest }: ChatRequest): ChatBody {
  if (metadata?.knowledge === undefined) return metadata === undefined ? rest : { ...rest, metadata };
  const { knowledge: _ours, ...others } = metadata;
  return { ...rest, metadata: others };
}

/** A question as the search takes it: no longer than it reads, and nothing that the database cannot keep. */
function searchable(question: string): string {
  return question.slice(0, QUERY_CHARACTERS_MAX).replaceAll('\u0000', ' ').toWellFormed();
}
