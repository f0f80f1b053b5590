import fc from 'fast-check';
import { boot, type Booted } from '../support/boot.js';
import { aDocument, ingest } from '../support/documents.js';
import { aQuestion, ask } from '../support/interviews.js';

const TENANTS = ['acme', 'globex', 'initech'] as const;
type Tenant = (typeof TENANTS)[number];
const canary = (tenant: Tenant) => `canary-of-${tenant}`;
const found = (body: Record<string, unknown>) =>
  body.hits ?? body.citations ?? body.suggestions ?? body.recommendations ?? [];

// Whatever a tenant asks, and whosever ids it has come by, it gets to see nothing of another.
describe('Tenants, through HTTP', () => {
  let service: Booted;
  const ids = new Map<Tenant, string>();
  const jobs = new Map<Tenant, string>();
  const questions = new Map<Tenant, string>();
  const descriptions = new Map<Tenant, string>();
  const patterns = new Map<Tenant, string>();

  beforeAll(async () => {
    service = await boot();
    for (const tenant of TENANTS) {
      const document = aDocument({
        business_id: tenant,
        external_id: 'the same everywhere',
        title: `Lamp of ${canary(tenant)}`,
        content: `The lamp of ${canary(tenant)} burns colza oil.`,
        metadata: { of: canary(tenant) },
      });
      ids.set(tenant, (await ingest(service.api, document)).id);
      const { body } = await service.api('GET', `/api/v1/jobs?business_id=${tenant}`);
      jobs.set(tenant, body.data[0].id);
      const text = `What does the lamp of ${canary(tenant)} burn?`;
      const [question] = await ask(
        service.api,
        aQuestion({ business_id: tenant, text, compatible_roles: [] }),
      );
      questions.set(tenant, question!);
      const of = { business_id: tenant };
      const job = { ...of, role: 'Keeper', job_description: `Keep the lamp of ${canary(tenant)}.` };
      descriptions.set(tenant, (await service.api('POST', '/api/v1/job-descriptions', job)).body.job_id);
      const pattern = {
        ...of,
        user_id: 'ada',
        pattern_data: { interests: [canary(tenant)], liked: ['the same'] },
      };
      patterns.set(tenant, (await service.api('POST', '/api/v1/user-patterns', pattern)).body.pattern_id);
    }
  }, 60_000);
  afterAll(() => service?.close());

  const REQUESTS: Record<string, (by: Tenant, of: Tenant) => [method: string, path: string, body?: object]> =
    {
      list: (by) => ['GET', `/api/v1/documents?business_id=${by}`],
      find: (by, of) => ['GET', `/api/v1/documents/${ids.get(of)}?business_id=${by}`],
      content: (by, of) => ['GET', `/api/v1/documents/${ids.get(of)}/content?business_id=${by}`],
      jobs: (by) => ['GET', `/api/v1/jobs?business_id=${by}`],
      job: (by, of) => ['GET', `/api/v1/jobs/${jobs.get(of)}?business_id=${by}`],
      search: (by, of) => ['POST', '/api/v1/search', { business_id: by, query: `lamp ${canary(of)}` }],
      filter: (by, of) => [
        'POST',
        '/api/v1/search',
        { business_id: by, query: 'lamp', filter: { of: canary(of) } },
      ],
      answer: (by, of) => [
        'POST',
        '/api/v1/answers',
        { business_id: by, question: `What does the lamp of ${canary(of)} burn?` },
      ],
      questions: (by) => ['GET', `/api/v1/questions?business_id=${by}`],
      question: (by, of) => ['GET', `/api/v1/questions/${questions.get(of)}?business_id=${by}`],
      description: (by, of) => ['GET', `/api/v1/job-descriptions/${descriptions.get(of)}?business_id=${by}`],
      suggestions: (by, of) => [
        'POST',
        '/api/v1/questions/suggestions',
        { business_id: by, role: 'Keeper', job_description: `The lamp of ${canary(of)}` },
      ],
      suggestionsById: (by, of) => [
        'POST',
        '/api/v1/questions/suggestions',
        { business_id: by, job_id: descriptions.get(of) },
      ],
      patterns: (by) => ['GET', `/api/v1/user-patterns?business_id=${by}&user_id=ada`],
      pattern: (by, of) => ['GET', `/api/v1/user-patterns/${patterns.get(of)}?business_id=${by}`],
      recommendations: (by, of) => [
        'POST',
        '/api/v1/recommendations',
        {
          business_id: by,
          user_id: 'ada',
          content_type: 'documents',
          user_profile: { interests: [canary(of)], liked: [ids.get(of)] },
        },
      ],
    };
  const BY_ID = ['find', 'content', 'job', 'question', 'description', 'suggestionsById', 'pattern'];
  const CHANGES: typeof REQUESTS = {
    remove: (by, of) => ['DELETE', `/api/v1/documents/${ids.get(of)}?business_id=${by}`],
    retry: (by, of) => ['POST', `/api/v1/documents/${ids.get(of)}/retry?business_id=${by}`],
    cancel: (by, of) => ['POST', `/api/v1/jobs/${jobs.get(of)}/cancel?business_id=${by}`],
    removeQuestion: (by, of) => ['DELETE', `/api/v1/questions/${questions.get(of)}?business_id=${by}`],
    removeDescription: (by, of) => [
      'DELETE',
      `/api/v1/job-descriptions/${descriptions.get(of)}?business_id=${by}`,
    ],
    removePattern: (by, of) => ['DELETE', `/api/v1/user-patterns/${patterns.get(of)}?business_id=${by}`],
  };

  it('see nothing of each other, whatever they ask and whosever ids they know', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(REQUESTS)),
        fc.constantFrom(...TENANTS),
        fc.constantFrom(...TENANTS),
        async (request, by, of) => {
          const { status, body } = await service.api(...REQUESTS[request]!(by, of));
          expect(status).toBeLessThan(500);
          if (by !== of && BY_ID.includes(request)) expect(status).toBe(404);
          for (const other of TENANTS.filter((tenant) => tenant !== by)) {
            // What was asked for is told back to who asked it. What was found holds nothing of it.
            const told = JSON.stringify(other === of ? found(body) : body);
            for (const some of [ids, questions, descriptions, patterns])
              expect(told).not.toContain(some.get(other));
            expect(told).not.toContain(canary(other));
          }
        },
      ),
      { numRuns: 300 },
    );
    // That there was something to be found.
    for (const tenant of TENANTS) {
      const { body } = await service.api(...REQUESTS.search!(tenant, tenant));
      expect(body.hits.map((hit: { document_id: string }) => hit.document_id)).toEqual([ids.get(tenant)]);
      const { body: suggested } = await service.api(...REQUESTS.suggestions!(tenant, tenant));
      expect(suggested.suggestions).toMatchObject([{ question_id: questions.get(tenant) }]);
    }
  }, 60_000);

  it('change nothing of each other', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.keys(CHANGES)),
        fc.constantFrom('acme' as const, 'globex' as const),
        async (change, by) => {
          const { status } = await service.api(...CHANGES[change]!(by, 'initech'));
          expect(status).toBe(404);
        },
      ),
      { numRuns: 50 },
    );
    const { body } = await service.api(...REQUESTS.find!('initech', 'initech'));
    expect(body).toMatchObject({ id: ids.get('initech'), status: 'ready' });
    for (const request of BY_ID)
      expect((await service.api(...REQUESTS[request]!('initech', 'initech'))).status).toBe(200);
  }, 60_000);
});
