/** The rules of docs/architecture.md, section 1: which part of the repository may import which other part. */
const TOOLING = '^(tools|test|bench|examples)/|[.]spec[.]ts$';

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'No circles, not even of types: move what both modules need to a file of its own.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'libs-do-not-import-apps',
      comment: 'Apps import libs, never the other way round.',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^apps/' },
    },
    {
      name: 'product-does-not-import-tooling',
      comment: 'Code that runs in production does not depend on tools, tests, benchmarks or examples.',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: TOOLING },
      to: { path: '^(tools|test|bench|examples|packages)/' },
    },
    {
      name: 'packages-stand-on-libraries',
      comment: 'A package for teams outside contains no code of a service.',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/' },
      to: { path: '^(apps|tools|test|bench|examples)/' },
    },
    {
      name: 'examples-live-outside',
      comment: 'An example imports what a team of another repository can import.',
      severity: 'error',
      from: { path: '^examples/' },
      to: { path: '^(apps|libs|tools|test|bench)/' },
    },
    {
      name: 'scim-events-and-contracts-stand-alone',
      comment: 'SCIM, the events, the internal APIs and the exit codes are contracts: they import nothing of ours.',
      severity: 'error',
      from: { path: '^libs/(scim|events|contracts|command-line)/' },
      to: { path: '^(apps|libs|tools|test|bench)/', pathNot: '^libs/$1/|^test/support/' },
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
      comment: 'A service learns about another from its events, or asks it over HTTP.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: `${TOOLING}|^apps/sandbox/` },
      to: { path: '^apps/', pathNot: '^apps/$1/|^apps/[^/]+/src/migrations/' },
    },
    {
      name: 'provisioning-migrates-alone',
      comment: 'Only provisioning runs migrations of other apps, as the owner of their schema.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: `${TOOLING}|^apps/provision/` },
      to: { path: '^apps/[^/]+/src/migrations/', pathNot: '^apps/$1/' },
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
      comment: 'A Lambda function is packaged with its imports: jose, and nothing of ours.',
      severity: 'error',
      from: { path: '^apps/cognito-triggers/', pathNot: TOOLING },
      to: { path: '^libs/|(^|/)node_modules/(?!jose/)' },
    },
    {
      name: 'sandbox-only-for-local-runs',
      comment: 'Only tools/local and tests import the imitations of Okta and AWS.',
      severity: 'error',
      from: { pathNot: '^(apps/sandbox|tools/local|test)/|[.]spec[.]ts$' },
      to: { path: '^apps/sandbox/' },
    },
    {
      name: 'carriers-do-not-import-each-other',
      comment: 'The Postgres log and Kafka are two implementations of the same interfaces.',
      severity: 'error',
      from: { path: '^libs/event-bus/src/carriers/([^/]+)/' },
      to: { path: '^libs/event-bus/src/carriers/', pathNot: '^libs/event-bus/src/carriers/$1/' },
    },
    {
      name: 'producer-and-consumer-know-no-carrier',
      comment: 'The sequencer and the consumer know interfaces; bus.ts passes a carrier to them.',
      severity: 'error',
      from: { path: '^libs/event-bus/src/(producer|consumer)/' },
      to: { path: '^libs/event-bus/src/(carriers|admin)/|^libs/event-bus/src/(bus|follow|subscriber|index)[.]ts$' },
    },
    {
      name: 'kafkajs-behind-one-folder',
      comment: 'kafkajs is no longer maintained: replacing it must touch libs/event-bus/src/carriers/kafka/ alone.',
      severity: 'error',
      from: { path: '^(apps|libs|tools)/', pathNot: '^libs/event-bus/src/carriers/kafka/|[.]spec[.]ts$' },
      to: { path: '(^|/)kafkajs(/|$)' },
    },
    {
      name: 'resolvable',
      comment:
        'An import that leads nowhere hides from every other rule. tools/mutants has packages of its own, which npm run mutants installs.',
      severity: 'error',
      from: { pathNot: '^tools/mutants/reporter' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: '(^|/)node_modules/' },
    exclude: { path: '(^|/)(dist|bench/peers)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      mainFields: ['main', 'types'],
    },
  },
};
