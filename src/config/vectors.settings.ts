import { z } from 'zod';
import { integer, names, oneOf, optional, setting, url } from './setting.js';

/** The index of vectors, and what fills it. */
export const vectorsSettings = {
  VECTOR_STORE_TYPE: optional(oneOf(['qdrant', 'pgvector']), {
    group: 'Vectors',
    description:
      'Where vectors are kept: in a Qdrant server (then QDRANT_URL names it) or, by the extension pgvector, in the database. Without it: qdrant when QDRANT_URL is set, else pgvector.',
  }),
  QDRANT_URL: optional(url('http', 'https'), {
    group: 'Vectors',
    description:
      'The Qdrant server (1.16 or newer), such as http://qdrant:6333; without a port, 6333 (VECTOR_STORE_HOST of earlier deployments).',
  }),
  QDRANT_API_KEY: optional(z.string(), {
    group: 'Vectors',
    description:
      'The key of the Qdrant server, where it asks for one (VECTOR_STORE_API_KEY of earlier deployments).',
    secret: true,
  }),
  COLLECTION_MISMATCH: setting(oneOf(['refuse', 'keyword']), 'refuse', {
    group: 'Vectors',
    description:
      'What a start does that finds a collection with vectors of another model than the embedder’s: refuse ends it (exit code 14), keyword goes on without vectors until the collection is rebuilt.',
  }),
  VECTOR_SEARCH_TIMEOUT_MS: setting(integer(50, 60_000), '1500', {
    group: 'Vectors',
    unit: 'ms',
    description:
      'How long a search by vectors may take, all of its tries together, before the answer goes by words alone.',
  }),
  UNVERIFIED_SEARCH_MAX_AGE_S: setting(integer(0, 86_400), '900', {
    group: 'Vectors',
    unit: 's',
    description:
      'How long, while the database is away, searches are answered from a vector index outside it: counted from the last moment at which no deletion was known to be on its way into the index. 0: never.',
  }),
  COLLECTIONS: setting(names(), 'documents,job_descriptions,questions,answers,user_patterns', {
    group: 'Vectors',
    description:
      'The collections of documents. They are made at the start if they are missing, and never dropped.',
  }),
  VECTOR_SEARCH_BATCH_SIZE: setting(integer(1, 1_000), '100', {
    group: 'Vectors',
    unit: 'chunks',
    description: 'How many chunks are embedded at once.',
  }),
  EMBEDDING_CACHE_SIZE: setting(integer(0, 10_000_000), '10000', {
    group: 'Vectors',
    unit: 'entries',
    description: 'How many embeddings are remembered; 0 remembers none.',
  }),
  EMBEDDING_CACHE_TTL: setting(integer(1, 31_536_000), '7200', {
    group: 'Vectors',
    unit: 's',
    description: 'How long an embedding is remembered.',
  }),
  INGEST_CONCURRENCY: setting(integer(0, 64), '2', {
    group: 'Ingest',
    unit: 'jobs',
    description: 'How many documents one process embeds at a time; 0 leaves that to other processes.',
  }),
};

type VectorsValues = { [Name in keyof typeof vectorsSettings]: z.output<(typeof vectorsSettings)[Name]> };

/** What of these settings does not go together. */
export function vectorsContradictions(
  values: Partial<Pick<VectorsValues, 'VECTOR_STORE_TYPE' | 'QDRANT_URL' | 'QDRANT_API_KEY'>>,
): { name: string; remedy: string }[] {
  const { VECTOR_STORE_TYPE: type, QDRANT_URL: qdrant, QDRANT_API_KEY: key } = values;
  if (type === 'qdrant' && qdrant === undefined)
    return [
      { name: 'QDRANT_URL', remedy: 'is required for VECTOR_STORE_TYPE=qdrant: set it to the Qdrant server' },
    ];
  if (type === 'pgvector' && qdrant !== undefined)
    return [
      {
        name: 'VECTOR_STORE_TYPE',
        remedy: 'says pgvector, and QDRANT_URL names a Qdrant server: remove one of the two',
      },
    ];
  if (key !== undefined && qdrant === undefined)
    return [{ name: 'QDRANT_API_KEY', remedy: 'is set without QDRANT_URL: name the server that it is for' }];
  return [];
}
