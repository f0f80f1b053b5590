import { Logger } from '@nestjs/common';
import { JobDescriptionsRepository } from '../../src/features/interviews/job-descriptions.repository.js';
import { JobDescriptions } from '../../src/features/interviews/job-descriptions.service.js';
import { QuestionsRepository } from '../../src/features/interviews/questions.repository.js';
import { newId } from '../../src/kernel/ids.js';
import { Database, type Transaction } from '../../src/platform/database/database.js';
import { Idempotency } from '../../src/platform/database/idempotency.js';
import { PostgresDatabase } from '../../src/platform/database/postgres.database.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer, UNHURRIED } from '../support/postgres.js';

Logger.overrideLogger(false);

const BUSINESS = 'acme';
const QUESTIONS = 5_000;
const settings = { DB_POOL_SIZE: 2, DB_POOL_MAX_OVERFLOW: 0, ...UNHURRIED };

describeWithPostgres('Questions on a PostgreSQL server', () => {
  let server: PostgresServer;
  let database: PostgresDatabase;
  /** How each statement that was read with was carried out. */
  const plans: string[] = [];

  beforeAll(async () => {
    server = await PostgresServer.start();
    const url = await server.newDatabase();
    database = new PostgresDatabase(settings, url);
    await database.open(AbortSignal.timeout(30_000));
    await database.transaction('fill', fill, { businessId: BUSINESS });
    await server.query('vacuum analyze questions', url);
  }, 60_000);
  afterAll(async () => {
    await database?.close();
    await server?.stop();
  });

  /** A tenant's database whose plans are kept. */
  const explained = () => {
    const transaction: Database['transaction'] = (operation, work, options) =>
      database.transaction(
        operation,
        async (tx) => {
          const query: Transaction['query'] = async (sql, parameters) => {
            const plan = await tx.query<{ 'QUERY PLAN': string }>(`explain ${sql}`, parameters);
            plans.push(plan.map((row) => row['QUERY PLAN']).join('\n'));
            return tx.query(sql, parameters);
          };
          return work({ query });
        },
        options,
      );
    return new Proxy<Database>(database, {
      get: (target, name) => (name === 'transaction' ? transaction : Reflect.get(target, name)),
    });
  };

  it('are found by a rare role and by a rare skill with an index, and not by reading all that there are', async () => {
    const repository = new QuestionsRepository(explained());
    const found = [
      await repository.list(BUSINESS, { role: 'Role 77', limit: 20 }),
      await repository.list(BUSINESS, { skill: 'Skill 77', limit: 20 }),
      await repository.popular(BUSINESS, { role: 'Role 77', difficulty: 'easy' }, [], 20),
    ];
    expect(found.map(({ length }) => length)).toEqual([10, 10, 10]);
    expect(plans.map((plan) => /questions_by_\w+/.exec(plan)?.[0])).toEqual([
      'questions_by_role',
      'questions_by_skill',
      'questions_by_role',
    ]);
  });

  it('are counted for the jobs that are there, however suggestions for a job and its removal meet', async () => {
    const questions = new QuestionsRepository(database);
    const repository = new JobDescriptionsRepository(database);
    const jobs = new JobDescriptions(database, repository, questions, new Idempotency(database));
    const within = <T>(work: (tx: Transaction) => Promise<T>) =>
      database.transaction('change', work, { businessId: BUSINESS });
    const accept = async () => {
      const job = { id: newId(), role: 'Keeper', description: 'Keeps it.', metadata: {} };
      await within((tx) => repository.store(tx, BUSINESS, job));
      return job.id;
    };
    const ids = (await questions.list(BUSINESS, { role: 'Role 7', limit: 20 })).map(({ id }) => id);
    for (let round = 0; round < 20; round += 1) {
      const id = await accept();
      const half = ids.slice(0, ids.length / 2);
      await within((tx) => questions.note(tx, BUSINESS, id, half));
      await Promise.all([
        within((tx) => questions.note(tx, BUSINESS, id, ids.toReversed())),
        jobs.remove(BUSINESS, id),
      ]);
    }
    const kept = await accept();
    await within((tx) => questions.note(tx, BUSINESS, kept, ids));
    const found = await questions.list(BUSINESS, { role: 'Role 7', limit: 20 });
    expect(found.map((question) => question.times_suggested)).toEqual(ids.map(() => 1));
  });
});

/** Questions of which each ten are for a role and about a skill. */
async function fill(tx: Transaction): Promise<void> {
  await tx.query(
    `insert into documents (id, business_id, collection, title, content, content_type, content_sha256, chunk_count)
     select gen_random_uuid(), $1, 'questions', 'Question ' || n, 'What?', 'text/plain', n::text, 1 from generate_series(1, $2::int) n`,
    [BUSINESS, QUESTIONS],
  );
  await tx.query(
    `insert into questions (id, business_id, text, text_sha256, category, difficulty, required_skills, compatible_roles, role_keys, source)
     select id, business_id, content, content_sha256, 'Any', 'easy', array['Skill ' || (content_sha256::int % 500)], array['Role ' || (content_sha256::int % 500)],
       array['role ' || (content_sha256::int % 500)], 'stored' from documents where business_id = $1`,
    [BUSINESS],
  );
}
