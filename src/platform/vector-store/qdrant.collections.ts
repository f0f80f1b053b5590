import type { Schemas } from '@qdrant/js-client-rest';
import type { QdrantConnection } from './qdrant.client.js';
import { UnexpectedReply } from './qdrant.faults.js';
import { TOKENS } from './qdrant.metadata.js';
import {
  CollectionMismatch,
  CollectionMissing,
  type CollectionSpec,
  type CollectionView,
} from './vector-store.js';

// Those of the deployments that this takes the place of, measured in vectors and, for `memmap_threshold` and
// `max_segment_size`, in kB. Beside them an index of the graph stands in CollectionSpec.
const FULL_SCAN_THRESHOLD = 10_000;
const OPTIMIZERS = {
  default_segment_number: 2,
  max_segment_size: 200_000,
  memmap_threshold: 50_000,
  indexing_threshold: 20_000,
};

// Tenants' points lie together, because every search is within one; the rest is what points are chosen by.
const INDEXES: Schemas['CreateFieldIndex'][] = [
  { field_name: 'business_id', field_schema: { type: 'keyword', is_tenant: true } },
  { field_name: 'document_id', field_schema: { type: 'uuid' } },
  { field_name: TOKENS, field_schema: { type: 'uuid' } },
];

// What is built for a name is numbered.
const OURS = /_[1-9]\d*$/;

/**
 * The collections of a Qdrant server. `documents` is an alias of `documents_1`, so that another can take its place in one
 * step; which model its vectors are of stands in the collection's own metadata, because a name could not hold every model's.
 */
export class QdrantCollections {
  // Those that this process made sure of: a check that no longer finds one says so, as nothing else would for a while.
  private readonly ensured = new Set<string>();

  constructor(private readonly connection: QdrantConnection) {}

  /** @returns whether it was made now */
  async ensure(spec: CollectionSpec, signal?: AbortSignal): Promise<boolean> {
    assertName(spec.name);
    const target = (await this.aliases(signal)).get(spec.name);
    if (target === undefined) {
      const name = `${spec.name}_1`;
      await this.create(spec, name, signal);
      await this.alias(spec.name, name, signal);
    } else {
      await this.verify(spec, target, signal);
    }
    this.ensured.add(spec.name);
    return target === undefined;
  }

  async create(spec: CollectionSpec, name: string, signal?: AbortSignal): Promise<void> {
    assertName(name);
    try {
      await this.connection.call(
        (api, init) => api.createCollection({ collection_name: name, ...configOf(spec) }, init),
        signal,
      );
    } catch (error) {
      // Another replica was faster: its collection is ours if it is the same.
      if ((error as { status?: unknown }).status !== 409) throw error;
    }
    await this.verify(spec, name, signal);
    // Again and again is once: also for the replica that came second, should the first have died in between.
    for (const index of INDEXES) {
      await this.connection.call(
        (api, init) => api.createFieldIndex({ collection_name: name, wait: true, ...index }, init),
        signal,
      );
    }
  }

  async list(signal?: AbortSignal): Promise<CollectionView[]> {
    const aliases = await this.aliases(signal);
    const aliasOf = new Map([...aliases].map(([alias, name]) => [name, alias]));
    const { collections } = given(
      await this.connection.call((api, init) => api.getCollections({}, init), signal),
      'list the collections',
    );
    const views: CollectionView[] = [];
    // One after the other, and ours alone: a server may hold hundreds of others, and searches need its connections.
    for (const { name } of collections.filter((collection) => OURS.test(collection.name))) {
      const info = await this.info(name, signal).catch((error: unknown) => {
        // Dropped since it was listed.
        if ((error as { status?: unknown }).status === 404) return undefined;
        throw error;
      });
      if (info === undefined) continue;
      const { model, dimension } = viewOf(info);
      views.push({ name, alias: aliasOf.get(name), model, dimension, points: info.points_count ?? 0 });
    }
    return views.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  async alias(alias: string, collection: string, signal?: AbortSignal): Promise<void> {
    const taken = (await this.aliases(signal)).has(alias);
    const actions: Schemas['AliasOperations'][] = [
      ...(taken ? [{ delete_alias: { alias_name: alias } }] : []),
      { create_alias: { alias_name: alias, collection_name: collection } },
    ];
    await this.connection.call((api, init) => api.updateAliases({ actions }, init), signal);
  }

  /** The server would drop a collection that is in use, and its alias with it. */
  async drop(collection: string, signal?: AbortSignal): Promise<void> {
    const alias = [...(await this.aliases(signal))].find(([, name]) => name === collection)?.[0];
    if (alias !== undefined) throw new Error(`The collection ${collection} is in use as ${alias}`);
    await this.connection.call(
      (api, init) => api.deleteCollection({ collection_name: collection }, init),
      signal,
    );
  }

  /** @throws CollectionMissing when one that was there has gone: the server lost it, and answers all the same */
  async check(signal: AbortSignal): Promise<void> {
    const aliases = await this.aliases(signal);
    for (const name of this.ensured) if (!aliases.has(name)) throw new CollectionMissing(name);
  }

  private async verify(spec: CollectionSpec, name: string, signal?: AbortSignal): Promise<void> {
    const { model, dimension, distance } = viewOf(await this.info(name, signal));
    if (model === spec.model && dimension === spec.dimension && distance === 'Cosine') return;
    throw new CollectionMismatch(
      spec.name,
      `${model} (${dimension} dimensions${distance === 'Cosine' ? '' : `, by ${distance}`})`,
      `${spec.model} (${spec.dimension})`,
    );
  }

  private async info(name: string, signal?: AbortSignal): Promise<Schemas['CollectionInfo']> {
    try {
      const info = await this.connection.call(
        (api, init) => api.getCollection({ collection_name: name }, init),
        signal,
      );
      return given(info, 'look at a collection');
    } catch (error) {
      throw (error as { status?: unknown }).status === 404 ? new CollectionMissing(name) : error;
    }
  }

  /** Which collection each alias stands for. */
  private async aliases(signal?: AbortSignal): Promise<Map<string, string>> {
    const found = await this.connection.call((api, init) => api.getCollectionsAliases({}, init), signal);
    return new Map(
      given(found, 'list the aliases').aliases.map(({ alias_name: alias, collection_name: name }) => [
        alias,
        name,
      ]),
    );
  }
}

function configOf({ model, dimension, hnsw }: CollectionSpec): Schemas['CreateCollection'] {
  return {
    vectors: { size: dimension, distance: 'Cosine' },
    hnsw_config: { m: hnsw.m, ef_construct: hnsw.efConstruct, full_scan_threshold: FULL_SCAN_THRESHOLD },
    optimizers_config: OPTIMIZERS,
    metadata: { model },
  };
}

function viewOf({ config }: Schemas['CollectionInfo']): {
  model: string;
  dimension: number;
  distance: string;
} {
  const vectors = config.params.vectors as Partial<Schemas['VectorParams']> | undefined;
  const model = config.metadata?.['model'];
  return {
    // A collection that somebody else made, or a server older than 1.16, which keeps no metadata.
    model: typeof model === 'string' ? model : 'a model that it does not name',
    dimension: vectors?.size ?? 0,
    distance: vectors?.distance ?? 'another distance',
  };
}

function given<T>(result: T | undefined, operation: string): T {
  if (result === undefined || result === null) throw new UnexpectedReply(operation);
  return result;
}

// Names come from the settings, where their form is checked; this is the last look before one becomes part of a path.
function assertName(name: string): void {
  if (!/^[a-z][a-z0-9_]{0,60}$/.test(name)) throw new Error(`Not the name of a collection: ${name}`);
}
