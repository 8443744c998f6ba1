/**
 * The arrows of docs/architecture.md, section 1, and nothing else: apps -> libs; `libs/scim` and `libs/events` import
 * nothing of ours; no app imports an app; kafkajs behind one folder; the sandbox is no part of the product.
 */
const TOOLING = '^(tools|test|bench|examples)/|[.]spec[.]ts$';

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Modules that need each other are one module, types included: give a shared model a file of its own.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'libs-do-not-import-apps',
      comment: 'Arrows run one way: apps -> libs.',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^apps/' },
    },
    {
      name: 'product-does-not-import-tooling',
      comment: 'What runs in production cannot depend on what stands around it.',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: TOOLING },
      to: { path: '^(tools|test|bench|examples)/' },
    },
    {
      name: 'scim-events-and-contracts-stand-alone',
      comment: 'The SCIM protocol, the events and the internal APIs are contracts; others build on them.',
      severity: 'error',
      from: { path: '^libs/(scim|events|contracts|command-line)/' },
      to: { path: '^(apps|libs|tools|test|bench)/', pathNot: '^libs/$1/' },
    },
    {
      name: 'the-command-line-calls-owners-over-http',
      comment:
        'apps/cli starts at once and holds no rule of a service: it imports the typed clients and its own frame.',
      severity: 'error',
      from: { path: '^apps/cli/', pathNot: TOOLING },
      to: {
        path: '^(apps|libs)/|(^|/)node_modules/',
        pathNot: '^apps/cli/|^libs/(contracts|command-line)/|(^|/)node_modules/(commander|@types/node)/',
      },
    },
    {
      name: 'no-app-imports-an-app',
      comment: 'A service learns the facts of another from events or asks it over HTTP.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: `${TOOLING}|^apps/sandbox/` },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'sandbox-runs-the-triggers-alone',
      comment: "The sandbox Cognito runs the triggers that are deployed as Lambda functions, and no other app's code.",
      severity: 'error',
      from: { path: '^apps/sandbox/', pathNot: TOOLING },
      to: { path: '^apps/', pathNot: '^apps/(sandbox|cognito-triggers)/' },
    },
    {
      name: 'triggers-stand-alone',
      comment: 'A Lambda function is packed with what it imports: jose, and nothing of ours.',
      severity: 'error',
      from: { path: '^apps/cognito-triggers/', pathNot: TOOLING },
      to: { path: '^libs/|(^|/)node_modules/(?!jose/)' },
    },
    {
      name: 'sandbox-only-for-local-runs',
      comment: 'The stand-ins for Okta and AWS are imported by tools/local and tests only.',
      severity: 'error',
      from: { pathNot: '^(apps/sandbox|tools/local|test)/|[.]spec[.]ts$' },
      to: { path: '^apps/sandbox/' },
    },
    {
      name: 'kafkajs-behind-one-folder',
      comment: 'kafkajs is no longer maintained: replacing it must touch libs/event-bus/src/kafka/ alone.',
      severity: 'error',
      from: { path: '^(apps|libs|tools)/', pathNot: '^libs/event-bus/src/kafka/|[.]spec[.]ts$' },
      to: { path: '(^|/)kafkajs(/|$)' },
    },
    {
      name: 'resolvable',
      comment: 'An import that leads nowhere hides from every other rule.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: '(^|/)node_modules/' },
    exclude: { path: '(^|/)(dist|bench/peers)/' },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      mainFields: ['main', 'types'],
    },
  },
};
