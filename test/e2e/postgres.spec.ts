/**
 * The whole product with its default carrier. One stack for all tests, because starting one takes longer than most
 * tests.
 */
import { ownQuotas, sandboxQuotas } from '../support/quotas.js';
import { TestStack } from '../support/stack.js';
import { offboards } from './offboarding.js';
import { signsIn } from './sign-in.js';
import { separatesTenants } from './tenants.js';
import { keepsTenantsApart } from './walls.js';
import { Collector, tracesPushes } from './trace.js';

describe('a running stack, events on Postgres', () => {
  const collector = new Collector();
  let stack: TestStack;
  const running = (): TestStack => stack;

  beforeAll(async () => {
    stack = await TestStack.start({
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: await collector.start() },
      serviceEnv: {
        sandbox: { SANDBOX_COGNITO_QUOTAS: JSON.stringify(sandboxQuotas(2_000)) },
        'identity-service': { COGNITO_QUOTAS: JSON.stringify(ownQuotas(2_000)) },
      },
    });
  }, 120_000);
  afterAll(async () => {
    await (stack as TestStack | undefined)?.stop();
    await collector.stop();
  });

  describe('tracing', () => tracesPushes(running, collector));
  describe('signing in', () => signsIn(running));
  describe('the separation of tenants', () => separatesTenants(running));
  describe('offboarding', () => offboards(running));
  describe('a loud tenant', () => keepsTenantsApart(running));
});
