import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { EmbeddingSettings, ProviderSettings } from '../../config/models.settings.js';
import { Settings } from '../../config/settings.js';
import { Dependencies, type Registration } from '../../resilience/dependencies.js';
import type { Dependency } from '../../resilience/dependency.js';
import { Limits } from '../../resilience/limits.js';
import { sameSpace } from './failover.embedder.js';
import { batchMs, GuardedEmbedder } from './guarded.embedder.js';
import { GuardedModel } from './guarded.model.js';
import { ChatRelay, EmbeddingRelay } from './guarded.relay.js';
import { classifyEmbedding, OpenAiEmbedder } from './openai.embedder.js';
import { OpenAiModel } from './openai.model.js';
import { OpenAiProvider } from './openai.provider.js';
import { classifyProvider } from './provider.error.js';
import { Spending } from './spending.js';

// Shorter than what the health sampler allows, so that a provider that hangs is told from one that is slow.
const CHECK_MS = 2_500;
// An adapter's own time limits end a call before this one does.
const BACKSTOP_MS = 1_000;
// An embedding takes a moment, and a search waits for it. An answer may begin late by right: it has time limits of its own.
const DOUBT_MS = 350;
const MINUTE_MS = 60_000;

/**
 * The providers that the settings name. Each model of each is a dependency of its own, with its own circuit and limits, so
 * that one that is used up or withdrawn stands in no other's way. What failed is repeated once at most, and only where
 * nobody else can be asked instead.
 */
@Injectable()
export class Providers implements OnApplicationShutdown {
  readonly models: GuardedModel[] = [];
  readonly embedders: GuardedEmbedder[] = [];
  /** The same models and embedders, for bodies that are passed through to them. */
  readonly relays = { chats: [] as ChatRelay[], embedders: [] as EmbeddingRelay[] };
  private readonly answering: Dependency[] = [];
  private readonly embedding: Dependency[] = [];
  private readonly apis: OpenAiProvider[] = [];

  constructor(
    private readonly settings: Settings,
    private readonly registry: Dependencies,
    private readonly limits: Limits,
  ) {
    // The first says which vectors there are; one that makes others cannot stand in for it.
    const space = settings.providers.find((provider) => provider.embedding !== undefined)?.embedding;
    for (const provider of settings.providers) {
      const api = this.connect(provider);
      if (provider.model !== undefined) this.models.push(this.model(provider, provider.model, api));
      if (provider.embedding !== undefined && sameSpace(provider.embedding, space!))
        this.embedders.push(this.embedder(provider, provider.embedding, api));
    }
  }

  get dependencies(): readonly Dependency[] {
    return [...this.answering, ...this.embedding];
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.apis.map((api) => api.close()));
  }

  private connect(provider: ProviderSettings): OpenAiProvider {
    const { settings } = this;
    const timeouts = {
      connectMs: settings.LLM_CONNECT_TIMEOUT_MS,
      firstTokenMs: settings.LLM_FIRST_TOKEN_TIMEOUT_MS,
      idleMs: settings.LLM_IDLE_TIMEOUT_MS,
      totalMs: settings.LLM_TIMEOUT_MS,
    };
    // Answers, embeddings and the check of each never wait for each other's connections.
    const api = new OpenAiProvider(provider, timeouts, 2 * settings.LLM_CONCURRENCY + 2);
    this.apis.push(api);
    return api;
  }

  private model(provider: ProviderSettings, model: string, api: OpenAiProvider): GuardedModel {
    const { LLM_TOKENS_MAX, LLM_TIMEOUT_MS } = this.settings;
    const spending = new Spending(provider.price);
    const options = { provider: provider.name, model, tokensMax: LLM_TOKENS_MAX, checkMs: CHECK_MS };
    const adapter = new OpenAiModel(api, options, spending);
    const dependency = this.register(provider, this.answering, {
      name: `llm.${provider.name}`,
      adapter,
      classify: classifyProvider,
      affects: 'Answers come from the next provider, or are quoted from the passages where there is none.',
      facts: () => ({ model, ...spending.facts, connects: api.connects }),
      timeoutMs: LLM_TIMEOUT_MS + BACKSTOP_MS,
    });
    const way = { provider: provider.name, relay: api.relay, dependency, spending };
    this.relays.chats.push(new ChatRelay(way, model, provider.limitField, LLM_TOKENS_MAX));
    return new GuardedModel(adapter, dependency);
  }

  private embedder(
    provider: ProviderSettings,
    embedding: EmbeddingSettings,
    api: OpenAiProvider,
  ): GuardedEmbedder {
    const { EMBEDDING_TIMEOUT_MS } = this.settings;
    const spending = new Spending(provider.price);
    const embedder = new OpenAiEmbedder(provider.name, api, embedding, spending, CHECK_MS);
    const { model, dimension } = embedder;
    const dependency = this.register(provider, this.embedding, {
      name: `embeddings.${provider.name}`,
      adapter: embedder,
      classify: classifyEmbedding,
      affects: 'Search goes by words alone; new documents wait to be found by meaning.',
      facts: () => ({
        model,
        dimension,
        input_tokens: spending.facts.input_tokens,
        connects: api.connects,
      }),
      doubtMs: DOUBT_MS,
      timeoutMs: batchMs(EMBEDDING_TIMEOUT_MS) + BACKSTOP_MS,
    });
    const way = { provider: provider.name, relay: api.relay, dependency, spending };
    this.relays.embedders.push(new EmbeddingRelay(way, embedding, EMBEDDING_TIMEOUT_MS));
    return new GuardedEmbedder(embedder, dependency, EMBEDDING_TIMEOUT_MS);
  }

  /** @param peers those that can do each other's work: the new one becomes one of them */
  private register(
    provider: ProviderSettings,
    peers: Dependency[],
    what: Pick<Registration, 'name' | 'classify' | 'facts' | 'timeoutMs' | 'doubtMs' | 'affects'> & {
      adapter: Pick<OpenAiModel | OpenAiEmbedder, 'adapter' | 'traits' | 'check'>;
    },
  ): Dependency {
    const allowances = allowancesOf(what.name, provider);
    const dependency: Dependency = this.registry.register({
      ...what,
      criticality: 'optional',
      part: 'llm',
      setting: `${provider.name.toUpperCase()}_BASE_URL`,
      adapter: what.adapter.adapter,
      traits: what.adapter.traits,
      check: (signal) => what.adapter.check(signal),
      retries: 1,
      concurrencyMax: this.settings.LLM_CONCURRENCY,
      ...(allowances.length > 0 && { pace: { limits: this.limits, allowances } }),
      hasAlternative: () => peers.some((peer) => peer !== dependency && peer.circuit.at === 'closed'),
    });
    peers.push(dependency);
    return dependency;
  }
}

/** Each model has the limits of its provider to itself, as providers reckon. */
function allowancesOf(name: string, { requestsPerMinute, tokensPerMinute }: ProviderSettings) {
  const limits = [
    { what: 'requests', amount: requestsPerMinute, spends: 'request' as const },
    { what: 'tokens', amount: tokensPerMinute, spends: 'cost' as const },
  ];
  return limits.flatMap(({ what, amount, spends }) =>
    amount === undefined ? [] : [{ name: `${name}.${what}`, rate: { amount, perMs: MINUTE_MS }, spends }],
  );
}
