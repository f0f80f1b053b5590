import { jest } from '@jest/globals';
import { GuardedDatabase } from '../../src/platform/database/guarded.database.js';
import { PgliteDatabase } from '../../src/platform/database/pglite.database.js';
import { classifyPostgres } from '../../src/platform/database/postgres.faults.js';
import { PostgresDatabase } from '../../src/platform/database/postgres.database.js';
import { GuardedVectorStore } from '../../src/platform/vector-store/guarded.vector-store.js';
import { PgvectorMissing } from '../../src/platform/vector-store/pgvector.collections.js';
import { PgvectorVectorStore } from '../../src/platform/vector-store/pgvector.vector-store.js';
import { classifyQdrant } from '../../src/platform/vector-store/qdrant.faults.js';
import { QdrantVectorStore } from '../../src/platform/vector-store/qdrant.vector-store.js';
import { collectionSpec } from '../../src/platform/vector-store/vector-store.js';
import { newDependency } from '../support/guard.js';
import { temporaryFolder, type TemporaryFolder } from '../support/folder.js';
import { describeNotRun, describeWithPostgres } from '../support/needs.js';
import { hasExtension, PostgresServer, UNHURRIED } from '../support/postgres.js';
import { startQdrant, type QdrantDouble } from '../support/qdrant.js';
import { vectorStoreContract } from './vector-store.suite.js';

// For a machine that is busy with other things; on a quiet one each takes a fraction of it.
jest.setTimeout(60_000);

const SEARCH_TIMEOUT_MS = 10_000;

describe('on a Qdrant double', () => {
  let qdrant: QdrantDouble;

  beforeAll(async () => {
    qdrant = await startQdrant();
  });
  afterAll(() => qdrant.stop());

  vectorStoreContract('qdrant', () => new QdrantVectorStore(qdrant.url));
  vectorStoreContract('qdrant, guarded', () => {
    const adapter = new QdrantVectorStore(qdrant.url);
    return new GuardedVectorStore(adapter, newDependency(adapter, classifyQdrant), SEARCH_TIMEOUT_MS);
  });
});

// What the double cannot show: set QDRANT_URL (and QDRANT_API_KEY) to a server that may be written to.
const { QDRANT_URL: real, QDRANT_API_KEY: key } = process.env;
const onRealQdrant = () => {
  const prefix = `contract_${Date.now().toString(36)}`;
  afterAll(async () => {
    const headers = { ...(key !== undefined && { 'api-key': key }) };
    const reply = await fetch(new URL('/collections', real), { headers });
    const { result } = (await reply.json()) as { result: { collections: { name: string }[] } };
    for (const { name } of result.collections.filter((c) => c.name.startsWith(prefix)))
      await fetch(new URL(`/collections/${name}`, real), { method: 'DELETE', headers });
  });
  vectorStoreContract(prefix, () => new QdrantVectorStore(real!, key));
};
if (real !== undefined && real !== '') describe('on a Qdrant server', onRealQdrant);
else describeNotRun('VectorStore on a Qdrant server', 'not applicable, QDRANT_URL names none', onRealQdrant);

describe('on the embedded engine', () => {
  let folder: TemporaryFolder;
  let pglite: PgliteDatabase;

  beforeAll(async () => {
    folder = await temporaryFolder();
    pglite = new PgliteDatabase({ DATA_DIR: folder.path, DB_STATEMENT_TIMEOUT_MS: 30_000 });
    await pglite.open(AbortSignal.timeout(30_000));
  });
  afterAll(async () => {
    await pglite.close();
    await folder.remove();
  });

  vectorStoreContract('pgvector', () => new PgvectorVectorStore(pglite));
  // As the service has it: a guard around the store, and one around the database behind it.
  vectorStoreContract('pgvector, guarded', () => {
    const database = new GuardedDatabase(pglite, newDependency(pglite, classifyPostgres));
    const adapter = new PgvectorVectorStore(database);
    return new GuardedVectorStore(adapter, newDependency(adapter), SEARCH_TIMEOUT_MS);
  });
});

const onServer = (declare: (postgres: () => PostgresDatabase) => void) => () => {
  let server: PostgresServer;
  let postgres: PostgresDatabase;

  beforeAll(async () => {
    server = await PostgresServer.start();
    const settings = { DB_POOL_SIZE: 3, DB_POOL_MAX_OVERFLOW: 1, ...UNHURRIED };
    postgres = new PostgresDatabase(settings, await server.newDatabase());
    await postgres.open(AbortSignal.timeout(30_000));
  });
  afterAll(async () => {
    await postgres.close();
    await server.stop();
  });
  declare(() => postgres);
};

const contract = onServer((postgres) =>
  vectorStoreContract('pgvector on a server', () => new PgvectorVectorStore(postgres())),
);

if (hasExtension('vector')) {
  describeWithPostgres('on a PostgreSQL server', contract);
} else {
  describeNotRun(
    'VectorStore on a PostgreSQL server',
    'not applicable, it has no extension vector',
    contract,
  );

  describeWithPostgres(
    'on a PostgreSQL server without the extension',
    onServer((postgres) => {
      it('says that it is missing, and what to do, and leaves the database usable', async () => {
        const store = new PgvectorVectorStore(postgres());
        const remedy = /pgvector cannot be had.*create extension vector/;
        for (const attempt of [
          () => store.check(AbortSignal.timeout(5_000)),
          () => store.ensure(collectionSpec('places', 'test-3', 3)),
        ]) {
          await expect(attempt()).rejects.toThrow(PgvectorMissing);
          await expect(attempt()).rejects.toThrow(remedy);
        }
        expect(await postgres().query('read', 'select 1 as n')).toEqual([{ n: 1 }]);
      });
    }),
  );
}
