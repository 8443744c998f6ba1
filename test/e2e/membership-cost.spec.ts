/** A change of membership costs WAL in proportion to its body, not to the number of groups that its people are in. */
import { measureMemberships } from '../support/membership-cost.js';
import { ownQuotas, sandboxQuotas } from '../support/quotas.js';
import { TestStack } from '../support/stack.js';

describe('40 groups of 500 people', () => {
  let stack: TestStack;
  beforeAll(async () => {
    // WAL is counted for a whole server, so the other specs must not use it.
    stack = await TestStack.start({
      ownPostgres: true,
      env: { COGNITO_QUOTAS: JSON.stringify(ownQuotas(2_000)) },
      serviceEnv: { sandbox: { SANDBOX_COGNITO_QUOTAS: JSON.stringify(sandboxQuotas(2_000)) } },
    });
  }, 180_000);
  afterAll(() => stack?.stop(), 60_000);

  it('write at most ten times their bytes of WAL, with all services that consume the events', async () => {
    const { scimBaseUrl: baseUrl, scimToken: token } = stack.tenant;
    const cost = await measureMemberships({ baseUrl, token, sql: (text, values) => stack.query(text, values) });
    console.info(`${cost.bodyBytes} bytes of bodies, ${cost.walBytes} bytes of WAL: ${cost.ratio.toFixed(1)} times`);
    expect(cost.bodyBytes).toBeGreaterThan(980_000);
    expect(cost.ratio).toBeLessThanOrEqual(10);
    const members = await stack.query('select count(*)::int as count from directory.members');
    expect(members).toEqual([{ count: cost.memberships }]);
    expect(await stack.query('select count(*)::int as count from identity.membership')).toEqual([{ count: 0 }]);
  }, 300_000);
});
