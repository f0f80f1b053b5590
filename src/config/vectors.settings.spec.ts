import { vectorsContradictions } from './vectors.settings.js';

describe('vectorsContradictions', () => {
  const QDRANT_URL = 'http://qdrant:6333';
  const of = (values: Partial<Parameters<typeof vectorsContradictions>[0]>) =>
    vectorsContradictions({
      VECTOR_STORE_TYPE: undefined,
      QDRANT_URL: undefined,
      QDRANT_API_KEY: undefined,
      ...values,
    }).map(({ name }) => name);

  it('finds nothing wrong with a store that is named once, or twice alike', () => {
    expect(of({})).toEqual([]);
    expect(of({ VECTOR_STORE_TYPE: 'pgvector' })).toEqual([]);
    expect(of({ QDRANT_URL, QDRANT_API_KEY: 'key' })).toEqual([]);
    expect(of({ VECTOR_STORE_TYPE: 'qdrant', QDRANT_URL })).toEqual([]);
  });

  it('names the setting that another one contradicts', () => {
    expect(of({ VECTOR_STORE_TYPE: 'qdrant' })).toEqual(['QDRANT_URL']);
    expect(of({ VECTOR_STORE_TYPE: 'pgvector', QDRANT_URL })).toEqual(['VECTOR_STORE_TYPE']);
    expect(of({ QDRANT_API_KEY: 'key' })).toEqual(['QDRANT_API_KEY']);
  });
});
