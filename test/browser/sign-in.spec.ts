/**
 * Test 3 of the product page in a real browser, through every process: Okta's pages, redirects, cookies, scripts and
 * content security policies. Okta is the sandbox, once with its org server and once with its custom server `default`.
 */
import { hubOf, TESTER } from '../support/tenant-command.js';
import { until } from '../support/waiting.js';
import { inBrowser } from './chromium.js';
import { demonstration } from './demonstration.js';
import { refused } from './refusals.js';
import { ADA, GRACE, LINUS, signingIn } from './sign-in.js';
import { tabs } from './sessions.js';
import { LIMIT_MS, World } from './world.js';

inBrowser('signing in with a browser (skipped without Chromium)', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.create();
    await Promise.all([
      world.employ(ADA, ['Ada', 'Lovelace'], { 'StackFlow-Agents': 'itsm_agent' }),
      world.employ(LINUS, ['Linus', 'Pauling'], { 'StackFlow-Viewers': 'viewer' }),
      world.employ(GRACE, ['Grace', 'Hopper'], { 'StackFlow-Admins': 'super_admin', 'StackFlow-Viewers': 'viewer' }),
    ]);
  }, LIMIT_MS);
  afterEach(async () => expect(await world.farewell()).toEqual([]));
  afterAll(() => (world as World | undefined)?.end());

  describe("through Okta's org server", () => signingIn(() => world, { thorough: true }));
  describe('refuses', () => refused(() => world));
  describe('one browser', () => tabs(() => world));
  describe('without a browser', () => demonstration(() => world));

  describe("through Okta's custom server", () => {
    beforeAll(() => useCustomServer(world), LIMIT_MS);
    signingIn(() => world, { thorough: false });
  });
});

/** An administrator's change: another issuer, and the secret of the same app. */
async function useCustomServer({ stack }: World): Promise<void> {
  const { okta } = stack.description.sandbox;
  const answer = await fetch(`${okta}/sandbox/apps/default/oidc-client/secret`, { method: 'POST' });
  const { clientId, clientSecret } = (await answer.json()) as { clientId: string; clientSecret: string };
  const issuer = 'https://sandbox.okta.com/oauth2/default';
  await hubOf(stack).connectSso('default', { by: TESTER, issuer, clientId, clientSecret });
  await until(
    'a login at the custom server',
    async () => {
      const begun = await fetch(`${stack.description.edge}/auth/okta/login`, { redirect: 'manual' });
      return (begun.headers.get('location') ?? '').startsWith(`${okta}/oauth2/default/v1/authorize?`);
    },
    LIMIT_MS,
  );
}
