// The import directions of src/:
//   main -> cli -> app -> { handlers, schedules } -> pipeline -> domain
// and rules, remediations, notifiers, store and config import only domain, besides their own folder and packages.
// schema, the reading of YAML with places, serves rules and config.

/** What a part may import besides itself, packages and Node's own modules. A part that is not listed imports nothing of src/. */
const MAY_IMPORT = {
  domain: [],
  schema: ['domain'],
  rules: ['schema', 'domain'],
  remediations: ['domain'],
  notifiers: ['domain'],
  store: ['domain'],
  config: ['schema', 'domain'],
  pipeline: ['domain'],
  schedules: ['pipeline', 'domain'],
  handlers: ['pipeline', 'domain'],
  dashboard: ['domain'],
  'rule-tests': ['pipeline', 'schedules', 'rules', 'remediations', 'notifiers', 'store', 'config', 'schema', 'domain'],
  app: [
    'handlers',
    'schedules',
    'pipeline',
    'rules',
    'remediations',
    'notifiers',
    'store',
    'config',
    'dashboard',
    'schema',
    'domain',
  ],
  cli: ['app', 'config', 'rules', 'rule-tests', 'remediations', 'handlers', 'pipeline', 'schema', 'domain'],
  main: ['cli', 'app', 'config', 'domain'],
};

/** A part is a folder of src/ or the file of that name. The other files beside app.ts belong to app. */
const part = (names) =>
  names.map((name) => (name === 'app' ? '^src/(?!main\\.ts$)[^/]+\\.ts$|^src/app/' : `^src/${name}(?:/|\\.ts$)`));

const directions = Object.entries(MAY_IMPORT).map(([name, allowed]) => ({
  name: `${name}-imports-only-${allowed.join('-') || 'itself'}`,
  severity: 'error',
  from: { path: part([name]) },
  to: { path: '^src/', pathNot: part([name, ...allowed]) },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-unknown-part',
      comment: 'A new folder of src/ needs its line in MAY_IMPORT.',
      severity: 'error',
      from: { path: '^src/', pathNot: part(Object.keys(MAY_IMPORT)) },
      to: { path: '^src/' },
    },
    ...directions,
    {
      name: 'domain-is-pure',
      comment: 'domain uses the language and Node only, and re2js, because matchers mean what RE2 says.',
      severity: 'error',
      from: { path: '^src/domain/' },
      to: {
        dependencyTypes: ['npm', 'npm-dev', 'npm-peer', 'npm-optional', 'npm-no-pkg', 'npm-unknown'],
        pathNot: '^node_modules/re2js/',
      },
    },
    {
      name: 'sql-only-in-the-store',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/store/', '^src/remediations/postgres/'] },
      to: { path: ['^node_modules/(?:kysely|pg)/', '^node:sqlite$', '^sqlite$'] },
    },
    {
      name: 'systems-do-not-know-each-other',
      comment: 'A folder of remediations/ holds one system; requests/ holds what those share that are reached over HTTP.',
      severity: 'error',
      from: { path: '^src/remediations/([^/]+)/' },
      to: { path: '^src/remediations/[^/]+/', pathNot: '^src/remediations/(?:$1|requests)/' },
    },
    { name: 'nothing-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-development-packages',
      comment: 'An optional peer is installed here for the tests; who uses it installs it.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only', 'npm-peer'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    builtInModules: { add: ['sqlite', 'node:sqlite'] },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
};
