import { jest } from '@jest/globals';
import { PgliteDatabase } from '../../src/platform/database/pglite.database.js';
import { PgvectorVectorStore } from '../../src/platform/vector-store/pgvector.vector-store.js';
import { collectionSpec, type Point } from '../../src/platform/vector-store/vector-store.js';
import { derivedId } from '../../src/kernel/ids.js';
import { temporaryFolder, type TemporaryFolder } from '../support/folder.js';

// For a machine that is busy with other things; on a quiet one each takes a fraction of it.
jest.setTimeout(60_000);

// What must hold whichever way the planner goes. With few rows it sorts them all; here it is made to take the vector index,
// which knows nothing of tenants.

const CROWD = 600;
const FEW = 5;

describe('PgvectorVectorStore, when the planner takes the vector index', () => {
  let folder: TemporaryFolder;
  let db: PgliteDatabase;
  let store: PgvectorVectorStore;

  const vector = (...parts: number[]) => Float32Array.from(parts);
  const point = (businessId: string, n: number, direction: Float32Array): Point => ({
    id: derivedId(businessId, n),
    vector: direction,
    payload: {
      business_id: businessId,
      document_id: derivedId('document', businessId, n),
      version: 1,
      chunk_id: derivedId('chunk', businessId, n),
      title: '',
      text: '',
      start: 0,
      end: 0,
      metadata: { even: n % 2 === 0 },
    },
  });

  beforeAll(async () => {
    folder = await temporaryFolder();
    db = new PgliteDatabase({ DATA_DIR: folder.path, DB_STATEMENT_TIMEOUT_MS: 30_000 });
    await db.open(AbortSignal.timeout(30_000));
    store = new PgvectorVectorStore(db);
    await store.ensure(collectionSpec('places', 'test-3', 3));
    await store.upsert('places', [
      ...Array.from({ length: CROWD }, (_, i) =>
        point('crowd', i, vector(1, Math.sin(i) / 20, Math.cos(i) / 20)),
      ),
      ...Array.from({ length: FEW }, (_, i) =>
        point('small', i, vector(Math.sin(i) / 20, 1, Math.cos(i) / 20)),
      ),
    ]);
    // There is one connection, so what is set for it holds for the store's statements too.
    await db.query('plan', 'set enable_seqscan = off; set enable_sort = off; set enable_bitmapscan = off');
  });
  afterAll(async () => {
    await db.close();
    await folder.remove();
  });

  const nearest = `select id from vectors.places_1 where business_id = 'small' order by embedding <=> '[1,0,0]' limit 10`;

  it('would lose a small tenant among many, if it asked as one asks at first', async () => {
    const asked = (sql: string) =>
      db.transaction('search', (tx) => tx.query<Record<string, string>>(sql), { businessId: 'small' });
    const plan = await asked(`explain ${nearest}`);
    expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('places_1_nearest');
    expect((await asked(nearest)).length).toBeLessThan(FEW);
  });

  it('finds all that a small tenant has, and no more', async () => {
    const hits = await store.nearest('places', { businessId: 'small', vector: vector(1, 0, 0), limit: 10 });
    expect(hits.map(({ payload }) => payload.business_id)).toEqual(
      Array.from({ length: FEW }, () => 'small'),
    );
    const scores = hits.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
  });

  it('finds as many as were asked for behind a filter', async () => {
    const hits = await store.nearest('places', {
      businessId: 'crowd',
      vector: vector(1, 0, 0),
      limit: 100,
      filter: { even: true },
    });
    expect(hits).toHaveLength(100);
    expect(hits.every(({ payload }) => payload.metadata.even === true)).toBe(true);
  });

  it('leaves the settings of its search to nobody else', async () => {
    await store.nearest('places', { businessId: 'small', vector: vector(1, 0, 0), limit: 500 });
    const settings = `select current_setting('hnsw.iterative_scan') as scan, current_setting('hnsw.ef_search') as ef`;
    expect(await db.query('read', settings)).toEqual([{ scan: 'off', ef: '40' }]);
  });
});
