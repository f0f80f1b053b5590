// Who may import whom. The table that these rules hold is in CONTRIBUTING.md; each comment says what to do instead.

/** Which feature may import which. A feature that is not named here may import no other. */
const FEATURES = {
  keys: [],
  knowledge: [],
  search: ['knowledge'],
  writing: ['search'],
  answers: ['writing', 'search', 'knowledge'],
  chat: ['writing', 'search'],
  generation: ['writing', 'search'],
  interviews: ['search', 'knowledge'],
  recommendations: ['search', 'knowledge'],
  gateway: ['writing', 'search'],
};

/** The files of src/platform that say what a port can do. Everything else there is an adapter, a guard or a module. */
const PORTS = [
  'database/(database|filter|idempotency)',
  'vector-store/vector-store',
  'cache/cache',
  'cache/broker',
  'llm/(llm|embedder|relay|messages|grounded\\.text|quotation|seam|terms)',
  'web-search/web-search',
  'web-pages/web-pages',
  'jobs/jobs',
];

/** Each vendor library, and the one place that knows it. `types` names the places that may import its types as well. */
const VENDORS = [
  { packages: ['pg', 'typeorm', '@electric-sql/.+'], home: 'src/platform/database/', also: '^migrations/' },
  { packages: ['pg-boss'], home: 'src/platform/jobs/' },
  { packages: ['lru-cache', 'ioredis'], home: 'src/platform/cache/' },
  { packages: ['@qdrant/.+'], home: 'src/platform/vector-store/' },
  { packages: ['stemmer', 'eventsource-parser'], home: 'src/platform/llm/' },
  // The transport of those that speak HTTP; Qdrant's own client runs on it as well.
  { packages: ['undici'], home: 'src/platform/(llm|vector-store|web-pages)/' },
  { packages: ['ipaddr\\.js'], home: 'src/platform/web-pages/' },
  { packages: ['cockatiel'], home: 'src/resilience/policy.ts' },
  { packages: ['nestjs-pino', 'pino', 'pino-http', 'pino-pretty'], home: 'src/telemetry/' },
  { packages: ['@nestjs/terminus'], home: 'src/health/' },
  { packages: ['@nestjs/config'], home: 'src/config/' },
  { packages: ['jose'], home: 'src/http/' },
  {
    packages: ['fastify', '@fastify/.+'],
    home: 'src/http/',
    types: '^src/(features/[^/]+|health)/([^/]+\\.controller|upload)\\.ts$',
  },
  {
    packages: ['@nestjs/platform-fastify'],
    home: 'src/http/',
    types: '^src/(application|lifecycle/drain|cli/embedded)\\.ts$',
  },
  {
    packages: ['piscina', 'parse5', 'markdown-it'],
    home: 'src/features/knowledge/chunking/',
  },
  { packages: ['commander', 'cli-progress', 'tinyld'], home: 'src/cli/' },
  { packages: ['uuid'], home: 'src/kernel/' },
];

// A unit spec stands beside its file and may use an embedded adapter of any folder instead of a mock.
const SPEC = '\\.spec\\.ts$';

const anyOf = (names) => `(${names.join('|')})`;

/** A folder of src, and what else of src it may import. */
const only = (folder, allowed, comment) => ({
  name: `${folder}-knows-${allowed.length === 0 ? 'nobody' : 'only-what-is-below'}`,
  severity: 'error',
  comment,
  from: { path: `^src/${folder}/`, pathNot: SPEC },
  to: { path: '^src/', pathNot: `^src/${anyOf([`${folder}/`, ...allowed])}` },
});

const layers = [
  only(
    'kernel',
    [],
    'kernel/ is what everybody stands on, so it stands on nobody. Pass what it needs in as a parameter, or move the file to the layer that it needs.',
  ),
  only(
    'config',
    ['kernel/'],
    'config/ knows the environment and kernel/ only. What a setting means for another layer belongs into that layer.',
  ),
  only(
    'telemetry',
    ['config/', 'kernel/'],
    'telemetry/ is written to by everybody and asks nobody. Let the caller log or count, with a name from telemetry/events.ts.',
  ),
  only(
    'resilience',
    ['telemetry/', 'config/', 'kernel/'],
    'resilience/ knows no platform and no feature. What differs between dependencies is handed to Dependencies.register by the platform module.',
  ),
  only(
    'http',
    [
      'telemetry/',
      'config/',
      'kernel/',
      'platform/cache/cache\\.ts$',
      'resilience/(dependency-error\\.ts|limits\\.ts|load/)',
    ],
    'http/ is what all controllers share and knows none of them. Of resilience/ it maps DependencyError to a problem, counts by Limits and lets in by Load; of the platforms it may use the cache port. Anything else belongs into the feature.',
  ),
  only(
    'lifecycle',
    ['health/', 'resilience/', 'telemetry/', 'config/', 'kernel/'],
    'lifecycle/ opens and closes what it finds in the registry. A feature that has something to open or to close does it in its own Nest hooks.',
  ),
];

const kernel = [
  {
    name: 'kernel-does-no-io',
    severity: 'error',
    comment:
      'kernel/ is the same in every process and every test: no framework, no files, no network. Move what needs them to the layer that owns them.',
    from: { path: '^src/kernel/', pathNot: SPEC },
    to: {
      path: '^node_modules/|^(fs|net|http|https|http2|tls|dns|dgram|child_process|worker_threads|cluster|os)(/|$)',
      pathNot: '^node_modules/(@types/node|uuid)/',
    },
  },
];

const platform = [
  only(
    'platform',
    ['resilience/', 'telemetry/', 'config/', 'kernel/'],
    'A platform knows its own port, resilience/ and what is below. What a feature does when it is away is the decision of the feature: throw a DependencyError.',
  ),
  {
    name: 'platforms-are-apart',
    severity: 'error',
    comment:
      'Platforms do not know each other: what joins two of them is a feature. vector-store/ and jobs/ may use the port of database/, because one of their adapters lives in it.',
    from: { path: '^src/platform/([^/]+)/', pathNot: SPEC },
    to: {
      path: '^src/platform/',
      pathNot: ['^src/platform/$1/', '^src/platform/database/(database|filter)\\.ts$'],
    },
  },
  {
    name: 'database-port-is-for-vectors-and-jobs',
    severity: 'error',
    comment: 'Of the platforms only vector-store/ and jobs/ may use the database.',
    from: { path: '^src/platform/', pathNot: [SPEC, '^src/platform/(database|vector-store|jobs)/'] },
    to: { path: '^src/platform/database/' },
  },
];

const features = [
  {
    name: 'features-know-only-ports',
    severity: 'error',
    comment:
      'A feature asks a port (Database, VectorStore, Cache, Llm, Embedder, Jobs) and never an adapter, a guard or a module: those may be exchanged without it. Inject the port by its class.',
    from: { path: '^src/features/', pathNot: SPEC },
    to: { path: '^src/platform/', pathNot: `^src/platform/${anyOf(PORTS)}\\.ts$` },
  },
  {
    name: 'features-do-not-know-the-process',
    severity: 'error',
    comment:
      'A feature does not know how the process starts, stops, or is watched. Use a Nest hook, or let the registry of resilience/ show it.',
    from: { path: '^src/features/', pathNot: SPEC },
    to: { path: '^src/(health|lifecycle|cli|docs|main|application|app\\.module)(/|\\.ts$)' },
  },
  {
    name: 'http-stays-in-controllers',
    severity: 'error',
    comment:
      'Controllers translate, services decide. Only *.controller.ts, *.schemas.ts and upload.ts know http/: throw an AppError, and let http/problem.ts decide the status.',
    from: {
      path: '^src/(features|health)/',
      pathNot: [SPEC, '\\.(controller|schemas)\\.ts$', '^src/features/knowledge/upload\\.ts$'],
    },
    to: { path: '^src/http/' },
  },
  ...Object.keys(FEATURES).map((feature) => ({
    name: `feature-${feature}-stays-in-the-dag`,
    severity: 'error',
    comment:
      FEATURES[feature].length === 0
        ? `${feature}/ uses no other feature: the others stand on it. Let the one that needs both join them.`
        : `${feature}/ may use ${FEATURES[feature].join(' and ')}, directly and no others. Ask that one for what it knows of the rest.`,
    from: { path: `^src/features/${feature}/`, pathNot: SPEC },
    to: { path: '^src/features/', pathNot: `^src/features/${anyOf([feature, ...FEATURES[feature]])}/` },
  })),
  {
    name: 'features-are-in-the-dag',
    severity: 'error',
    comment:
      'A new feature says in .dependency-cruiser.cjs (FEATURES) and in CONTRIBUTING.md what it may use.',
    from: { path: '^src/', pathNot: SPEC },
    to: { path: '^src/features/', pathNot: `^src/features/${anyOf(Object.keys(FEATURES))}/` },
  },
];

const edges = [
  only(
    'health',
    ['http/', 'resilience/', 'telemetry/', 'config/', 'kernel/'],
    'health/ follows the registry of dependencies and knows no platform and no feature, so that a new one is watched without a change here. Register a Dependency.',
  ),
  {
    name: 'nobody-imports-the-top',
    severity: 'error',
    comment:
      'main.ts, the command line and the generated pages are ends: whatever is needed in two places belongs into the layer below.',
    from: { path: '^src/', pathNot: [SPEC, '^src/(cli|docs)/'] },
    to: { path: '^src/(main\\.ts|cli/|docs/)' },
  },
  only(
    'docs',
    ['http/', 'health/runbook\\.ts$', 'resilience/', 'config/', 'kernel/'],
    'docs/ turns tables of the code into pages. It knows no platform, no feature and no process.',
  ),
  {
    name: 'product-without-its-tests',
    severity: 'error',
    comment: 'What is shipped imports nothing of test/, bench/ or scripts/. Move what both need into src/.',
    from: { path: '^src/', pathNot: SPEC },
    to: { path: `^(test|bench|scripts)/|${SPEC}` },
  },
  {
    name: 'migrations-stand-alone',
    severity: 'error',
    comment:
      'A migration that has run must do the same for ever, so it imports nothing that may change: write the values into it.',
    from: { path: '^migrations/' },
    to: { path: '^(src|test|bench)/' },
  },
  {
    name: 'no-circles',
    severity: 'error',
    comment:
      'Files that import each other cannot be read, tested or loaded one by one. Move what both need into a third file.',
    from: {},
    to: { circular: true },
  },
  {
    name: 'no-guesses',
    severity: 'error',
    comment: 'This import leads nowhere: mend the path, or add the package to package.json.',
    from: {},
    to: { couldNotResolve: true },
  },
  {
    name: 'declared-packages-only',
    severity: 'error',
    comment: 'What src/ needs at run time must be in "dependencies": a production install has nothing else.',
    from: { path: '^(src|migrations)/', pathNot: SPEC },
    to: {
      dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'npm-optional'],
      dependencyTypesNot: ['type-only'],
    },
  },
];

const vendors = VENDORS.flatMap(({ packages, home, also, types }) => {
  const path = `^node_modules/(@types/)?${anyOf(packages)}/`;
  const name = packages[0].replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '');
  const outside = [SPEC, `^${home}`, ...(also === undefined ? [] : [also])];
  const comment = `Only ${home} knows ${packages.join(', ').replaceAll('.+', '*').replaceAll('.*', '*')}: one place to read, to replace and to test. Ask its port instead.`;
  if (types === undefined) {
    return [
      {
        name: `vendor-${name}`,
        severity: 'error',
        comment,
        from: { path: '^(src|migrations)/', pathNot: outside },
        to: { path },
      },
    ];
  }
  return [
    {
      name: `vendor-${name}`,
      severity: 'error',
      comment,
      from: { path: '^(src|migrations)/', pathNot: [...outside, types] },
      to: { path },
    },
    {
      name: `vendor-${name}-types`,
      severity: 'error',
      comment: `${comment} Here its types may be imported: write \`import type\`.`,
      from: { path: types, pathNot: outside },
      to: { path, dependencyTypesNot: ['type-only'] },
    },
  ];
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [...layers, ...kernel, ...platform, ...features, ...edges, ...vendors],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage|data)/' },
    // Types count: who knows a type knows the thing.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
