import { once } from 'node:events';
import { connect } from 'node:net';
import { Client } from 'pg';
import { type Booted, boot } from '../support/boot.js';
import { eventually } from '../support/eventually.js';
import { describeWithPostgres } from '../support/needs.js';
import { PostgresServer } from '../support/postgres.js';

// As many as are let in before it is known how much can be done.
const CROWD = 128;
const UNKNOWN = '00000000-0000-4000-8000-000000000000';
const FEEDBACK = {
  generation_id: UNKNOWN,
  business_id: 'default',
  human_approved: true,
  human_score: 9,
  human_feedback: 'Good',
};

// A table that somebody has locked makes of any number of requests more than can be done.
describeWithPostgres('A service that has more to do than it can', () => {
  let server: PostgresServer;
  let service: Booted;
  let holder: Client;

  beforeAll(async () => {
    server = await PostgresServer.start();
    const url = await server.newDatabase();
    service = await boot({
      DATABASE_URL: url,
      DB_ACQUIRE_TIMEOUT_MS: '10000',
      OPERATOR_TOKEN: 'operator-token-of-this-test',
    });
    holder = new Client({ connectionString: url });
    await holder.connect();
  }, 60_000);
  afterAll(async () => {
    await holder?.end();
    await service?.close();
    await server?.stop();
  });

  const list = () => service.api('GET', '/api/v1/documents');
  const diagnose = async () =>
    (
      await service.api('GET', '/api/v1/health/diagnostics', undefined, {
        authorization: 'Bearer operator-token-of-this-test',
      })
    ).body;
  const calm = () =>
    eventually(async () => (await diagnose()).load.stores.overloaded_since === null, { timeoutMs: 20_000 });
  const isFull = async () => {
    const { active, overloaded_since: since } = (await diagnose()).load.stores;
    return active === CROWD || since !== null;
  };

  /** Holds up whatever looks at documents, while `work` is done. @returns what became of those that were held up */
  async function crowded(work: () => Promise<void>): Promise<number[]> {
    await calm();
    await holder.query('begin; lock table documents in access exclusive mode');
    const held = Array.from({ length: CROWD }, list);
    try {
      await eventually(isFull);
      await work();
    } finally {
      await holder.query('rollback');
    }
    return (await Promise.all(held)).map(({ status }) => status);
  }

  it('refuses what is less important, says when to come again, and loses nothing that it let in', async () => {
    const statuses = await crowded(async () => {
      const refused = await list();
      expect(refused).toMatchObject({ status: 503, body: { code: 'overloaded' } });
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      // What needs no database is not held up by it.
      expect((await service.api('GET', '/v1/models')).status).toBe(200);
      const written = await service.api('POST', '/api/v1/documents', { title: 'A', content: 'a' });
      expect(written).toMatchObject({ status: 503, body: { code: 'overloaded' } });
    });
    expect(statuses).toEqual(Array.from({ length: CROWD }, () => 200));
  }, 60_000);

  it('goes on to answer probes and operators, and tells them what the matter is', async () => {
    await crowded(async () => {
      await eventually(async () => (await list()).status === 503);
      for (const path of ['/health/live', '/health/ready', '/api/v1/health/startup'])
        expect((await service.api('GET', path)).status).toBe(200);
      const { root_cause: root, others, load } = await diagnose();
      expect([root, ...others].map(({ cause }) => cause)).toContain('overload');
      expect(load.stores).toMatchObject({ overloaded_since: expect.any(String) });
      expect(load.stores.refused.chat).toBeGreaterThan(0);
    });
  }, 60_000);

  it('knows of each route how important it is', async () => {
    const before = (await diagnose()).load.stores.refused;
    await crowded(async () => {
      await eventually(async () => (await list()).status === 503);
      const counted = (await diagnose()).load.stores.refused;
      for (const [path, body] of [
        ['/api/v1/documents', { title: 'A', content: 'a' }],
        [`/api/v1/documents/${UNKNOWN}/retry`, {}],
        ['/api/v1/questions', { text: 'Why?', category: 'a', difficulty: 'easy' }],
        ['/api/v1/job-descriptions', { job_description: 'Lights lamps', role: 'Keeper' }],
        ['/api/v1/user-patterns', { user_id: 'ada', pattern_data: {} }],
        ['/api/v1/generate', { topic: 'Lamps', format: 'note' }],
        ['/api/v1/search', { query: 'lamp' }],
        ['/api/v1/answers', { question: 'What does the lamp burn?' }],
        ['/api/v1/chat/sessions', {}],
      ] as const)
        expect((await service.api('POST', path, body)).status).toBe(503);
      expect((await diagnose()).load.stores.refused).toEqual({
        ingest: counted.ingest + 5,
        generate: counted.generate + 1,
        chat: counted.chat + 3,
        feedback: before.feedback,
      });
    });
  }, 60_000);

  it('refuses a large document before it has been sent', async () => {
    await crowded(async () => {
      await eventually(async () => (await list()).status === 503);
      const { ingest } = (await diagnose()).load.stores.refused;
      const { hostname, port } = new URL(service.url);
      const socket = connect(Number(port), hostname);
      const head = `POST /api/v1/documents HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5000000\r\n\r\n`;
      socket.write(head);
      const [reply] = (await once(socket, 'data')) as [Buffer];
      expect(reply.toString()).toMatch(/^HTTP\/1.1 503 [^]*\r\nretry-after: \d[^]*"code":"overloaded"/i);
      expect((await diagnose()).load.stores.refused.ingest).toBe(ingest + 1);
      socket.destroy();
    });
  }, 60_000);

  it('keeps feedback until there is room for it', async () => {
    let feedback: Promise<{ status: number }> | undefined;
    await crowded(async () => {
      await eventually(async () => (await list()).status === 503);
      let answered = false;
      feedback = service.api('POST', '/api/v1/feedback', FEEDBACK).finally(() => (answered = true));
      // Asked later and refused before.
      expect((await list()).status).toBe(503);
      expect(answered).toBe(false);
    });
    await feedback;
    // There is no such generation: that it says so shows that it was let in.
    await eventually(async () => (await service.api('POST', '/api/v1/feedback', FEEDBACK)).status === 404);
  }, 60_000);

  it('lets everybody in again when there is less to do', async () => {
    await eventually(async () => (await list()).status === 200, { timeoutMs: 20_000 });
    await calm();
    expect((await diagnose()).load.stores).toMatchObject({ active: 0, waiting: 0 });
  }, 60_000);
});
