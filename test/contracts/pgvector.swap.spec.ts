import { jest } from '@jest/globals';
import { derivedId } from '../../src/kernel/ids.js';
import { PgliteDatabase } from '../../src/platform/database/pglite.database.js';
import { PgvectorVectorStore } from '../../src/platform/vector-store/pgvector.vector-store.js';
import {
  CollectionMissing,
  collectionSpec,
  type Point,
} from '../../src/platform/vector-store/vector-store.js';
import { temporaryFolder, type TemporaryFolder } from '../support/folder.js';

jest.setTimeout(60_000);

// The embedded engine does one transaction after the other, so what another replica does in the middle of one is done here
// at its first statement.
class Interrupted extends PgliteDatabase {
  /** What happens once, when the next transaction has looked up its table and is about to use it. */
  meanwhile: (() => Promise<void>) | undefined;

  override async transaction<T>(
    ...[operation, work, options]: Parameters<PgliteDatabase['transaction']>
  ): Promise<T> {
    const { meanwhile } = this;
    if (meanwhile === undefined || operation !== 'find the nearest points')
      return super.transaction(operation, work, options) as Promise<T>;
    this.meanwhile = undefined;
    await meanwhile();
    // As the server says it, of a table that was there when the transaction looked.
    return super.transaction(
      operation,
      (tx) => tx.query('select from vectors.places_1'),
      options,
    ) as Promise<T>;
  }
}

describe('PgvectorVectorStore, when a collection is dropped under a search', () => {
  let folder: TemporaryFolder;
  let db: Interrupted;
  let store: PgvectorVectorStore;
  const spec = collectionSpec('places', 'test-3', 3);
  const query = { businessId: 'acme', vector: Float32Array.from([1, 0, 0]), limit: 5 };
  const point: Point = {
    id: derivedId('point'),
    vector: query.vector,
    payload: {
      business_id: 'acme',
      document_id: derivedId('document'),
      version: 1,
      chunk_id: derivedId('chunk'),
      title: 'Rebuilt',
      text: '',
      start: 0,
      end: 0,
      metadata: {},
    },
  };

  beforeEach(async () => {
    folder = await temporaryFolder();
    db = new Interrupted({ DATA_DIR: folder.path, DB_STATEMENT_TIMEOUT_MS: 30_000 });
    await db.open(AbortSignal.timeout(30_000));
    store = new PgvectorVectorStore(db);
    await store.ensure(spec);
  });
  afterEach(async () => {
    await db.close();
    await folder.remove();
  });

  it('searches the one that has taken its place', async () => {
    db.meanwhile = async () => {
      await store.create(spec, 'places_2');
      await store.upsert('places_2', [point]);
      await store.alias('places', 'places_2');
      await store.drop('places_1');
    };
    const hits = await store.nearest('places', query);
    expect(hits.map(({ payload }) => payload.title)).toEqual(['Rebuilt']);
  });

  it('says that it is missing when nothing has', async () => {
    db.meanwhile = async () => {
      await db.administer('lose a collection', async (tx) => {
        await tx.query(`delete from vectors.aliases where alias = 'places'`);
        await tx.query(`delete from vectors.collections where name = 'places_1'`);
        await tx.query('drop table vectors.places_1');
      });
    };
    await expect(store.nearest('places', query)).rejects.toThrow(CollectionMissing);
  });
});
