import { type Booted, boot } from '../support/boot.js';

interface Operation {
  summary?: string;
  tags?: string[];
  responses: Record<string, unknown>;
  requestBody?: { content: Record<string, { schema: Schema }> };
}
interface Schema {
  $ref?: string;
  allOf?: Schema[];
  anyOf?: Schema[];
  example?: unknown;
}
interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

const NOBODY = '01890000-0000-7000-8000-000000000000';
// Nothing that a client calls: the page itself, and what stands in for a path that does not end in a slash.
const NO_ROUTES_OF_OURS = /^GET \/api\/(docs|openapi)|^GET \/health\/$|\*$/;

/** `GET /api/v1/jobs/:id` for each line of Fastify's tree of routes, in which each line adds to the one that it stands under. */
function routesIn(tree: string): string[] {
  const prefixes: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const [, indent, segment, methods] = /^([│ ]*)[├└]── (\S*)(?: \(([A-Z, ]+)\))?/.exec(line) ?? [];
    if (indent === undefined) return [];
    const depth = indent.length / 4;
    prefixes[depth] = segment!;
    const path = prefixes.slice(0, depth + 1).join('');
    return (methods ?? '')
      .split(', ')
      .filter((method) => !['', 'HEAD', 'OPTIONS'].includes(method))
      .map((method) => `${method} ${path}`);
  });
}

// What the API says of itself, against what it is.
describe('The OpenAPI document', () => {
  let service: Booted;
  let document: Document;
  beforeAll(async () => {
    service = await boot({ OPERATOR_TOKEN: 'operator-token-of-the-test-suite' });
    document = (await service.api('GET', '/api/openapi.json')).body;
  });
  afterAll(() => service?.close());

  const operations = () =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        name: `${method.toUpperCase()} ${path}`,
        operation,
      })),
    );
  const examplesOf = (schema: Schema): unknown[] => {
    const { $ref, allOf = [], anyOf = [], example } = schema;
    const named = $ref === undefined ? [] : examplesOf(document.components.schemas[$ref.split('/').at(-1)!]!);
    return [
      ...(example === undefined ? [] : [example]),
      ...named,
      ...[...allOf, ...anyOf].flatMap(examplesOf),
    ];
  };

  it('knows every route that there is', () => {
    const told = new Set(operations().map(({ name }) => name));
    const tree = service.app.getHttpAdapter().getInstance().printRoutes({ commonPrefix: false });
    const ours = routesIn(tree).filter((route) => !NO_ROUTES_OF_OURS.test(route));
    expect(ours.length).toBeGreaterThan(30);
    const missing = ours.filter((route) => !told.has(route.replaceAll(/:(\w+)/g, '{$1}')));
    expect(missing).toEqual([]);
  });

  it('says of each operation what it does, to what it belongs, and how it ends', () => {
    for (const { name, operation } of operations()) {
      const { summary = '', tags = [], responses } = operation;
      expect({ name, summary, tags }).toEqual({
        name,
        summary: expect.stringMatching(/\S/),
        tags: [expect.any(String)],
      });
      expect({ name, statuses: Object.keys(responses).join() }).toEqual({
        name,
        statuses: expect.stringMatching(/\b2\d\d\b/),
      });
      // Probes have one answer, whatever is wrong.
      if (!name.includes('/health'))
        expect(Object.keys(responses)).toEqual(expect.arrayContaining(['4XX', '5XX']));
    }
  });

  it('has an example for each body, which the service takes', async () => {
    for (const { name, operation } of operations()) {
      const schema = operation.requestBody?.content['application/json']?.schema;
      if (schema === undefined) continue;
      const examples = examplesOf(schema);
      expect({ name, examples }).toEqual({ name, examples: expect.arrayContaining([expect.anything()]) });
      const [method, path] = name.split(' ') as [string, string];
      for (const example of examples) {
        const { status, body } = await service.api(method, path.replaceAll(/\{\w+\}/g, NOBODY), example, {
          authorization: 'Bearer operator-token-of-the-test-suite',
        });
        expect({ name, example, body: [400, 415, 422].includes(status) ? body : 'taken' }).toEqual({
          name,
          example,
          body: 'taken',
        });
      }
    }
  });
});
