import { jest } from '@jest/globals';
import { CallerGone } from '../../src/kernel/deadline.js';
import type { Dependency } from '../../src/resilience/dependency.js';
import { GuardedDatabase } from '../../src/platform/database/guarded.database.js';
import { PgliteDatabase } from '../../src/platform/database/pglite.database.js';
import { PostgresDatabase } from '../../src/platform/database/postgres.database.js';
import { classifyPostgres } from '../../src/platform/database/postgres.faults.js';
import { newDependency } from '../support/guard.js';
import { temporaryFolder, type TemporaryFolder } from '../support/folder.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer, UNHURRIED } from '../support/postgres.js';
import { databaseContract } from './database.suite.js';

// For a machine that is busy with other things; on a quiet one each takes a fraction of it.
jest.setTimeout(60_000);

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

  databaseContract('pglite', () => pglite);
  databaseContract(
    'pglite, guarded',
    () => new GuardedDatabase(pglite, newDependency(pglite, classifyPostgres)),
  );

  describe('its guard', () => {
    let dependency: Dependency;
    let db: GuardedDatabase;
    beforeEach(() => {
      dependency = newDependency(pglite, classifyPostgres);
      db = new GuardedDatabase(pglite, dependency);
    });

    it('holds the abort of a caller against nobody', async () => {
      const caller = new AbortController();
      const sleeping = db.query('sleep', 'select pg_sleep(0.1)', [], {
        signal: caller.signal,
        idempotent: true,
      });
      caller.abort();
      await expect(sleeping).rejects.toThrow(CallerGone);
      const late = db.transaction('write', (tx) => tx.query('select 1'), { signal: caller.signal });
      await expect(late).rejects.toThrow(CallerGone);
      expect(dependency.statistics.counts).toMatchObject({ fault: 0, neutral: 2 });
    });

    it('holds what is wrong with a statement against nobody', async () => {
      await expect(db.query('read', 'select 1 / 0')).rejects.toMatchObject({ code: '22012' });
      expect(dependency.statistics.counts).toMatchObject({ fault: 0, neutral: 1 });
    });

    it('says of a database that is away why it is, and asks again only where that does no harm', async () => {
      const away = new PgliteDatabase({ DATA_DIR: folder.path, DB_STATEMENT_TIMEOUT_MS: 30_000 });
      const guarded = new GuardedDatabase(away, dependency);
      const refused = { name: 'DependencyError', operation: 'read', reason: 'unreachable', transient: true };
      await expect(guarded.query('read', 'select 1')).rejects.toMatchObject(refused);
      expect(dependency.statistics).toMatchObject({ retries: 0, counts: { fault: 1 } });
      await expect(guarded.query('read', 'select 1', [], { idempotent: true })).rejects.toMatchObject(
        refused,
      );
      expect(dependency.statistics).toMatchObject({ retries: 2, counts: { fault: 4 } });
    });
  });
});

describeWithPostgres('on a PostgreSQL server', () => {
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

  databaseContract('postgres', () => postgres);
  databaseContract(
    'postgres, guarded',
    () => new GuardedDatabase(postgres, newDependency(postgres, classifyPostgres)),
  );
});
