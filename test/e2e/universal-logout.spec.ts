/**
 * Universal Logout through every process, connected as by `npm start`: after Okta's request, no earlier session or
 * token is accepted.
 */
import { CognitoIdentityProviderClient, GetUserCommand } from '@aws-sdk/client-cognito-identity-provider';
import { decodeJwt } from 'jose';
import { AccessGuard, busFeed, type AccessDenied } from '#access-guard';
import { createLogger } from '#platform';
import type { LogoutResult } from '../../apps/sandbox/src/okta/oidc/universal-logout.js';
import type { Browser } from '../support/auth-browser.js';
import { SESSION } from '../support/auth-journey.js';
import { until } from '../support/waiting.js';
import { TestStack } from '../support/stack.js';
import { edgeBrowser, signInWithRole } from './edge-browser.js';

const LIMIT_MS = 120_000;
const ADA = 'ada@example.com';
const BOB = 'bob@example.com';
const ROLE = 'itsm_agent';

describe('Universal Logout on a running stack', () => {
  let stack: TestStack;
  let guard: AccessGuard;
  let cognito: CognitoIdentityProviderClient;
  beforeAll(async () => {
    stack = await TestStack.start();
    for (const login of [ADA, BOB]) await stack.okta('assign', { login });
    await stack.okta('push-group', { group: 'StackFlow-Agents', members: [ADA, BOB] });
    const { region, jwksUri, clientId } = stack.description.cognito;
    if (!clientId) throw new Error('the stack has no app client');
    const token = await tokenOf(await signedIn(BOB));
    const logger = createLogger('test', 'silent');
    guard = new AccessGuard({
      issuer: decodeJwt(token).iss ?? '',
      jwksUri,
      clientIds: [clientId],
      audience: null,
      feed: busFeed({ carrier: 'postgres', url: stack.description.postgres }, { name: 'universal-logout', logger }),
      logger,
    });
    guard.start();
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    cognito = new CognitoIdentityProviderClient({ region, endpoint: stack.description.sandbox.cognito, credentials });
  }, LIMIT_MS);
  afterAll(async () => {
    cognito.destroy();
    await guard.close();
    await stack.stop();
  });

  async function signedIn(login: string): Promise<Browser> {
    const browser = edgeBrowser(stack);
    await signInWithRole(stack, browser, login, ROLE);
    return browser;
  }
  const tokenOf = async (browser: Browser): Promise<string> =>
    (JSON.parse((await browser.get('/auth/session')).body) as { accessToken: string }).accessToken;
  const decision = (token: string): Promise<string> =>
    guard.authorize(`Bearer ${token}`).then(
      () => 'allowed',
      (denied: AccessDenied) => denied.reason,
    );
  const becomes = (token: string, wanted: string): Promise<unknown> =>
    until(`the guard says ${wanted}`, async () => (await decision(token)) === wanted, LIMIT_MS);
  const worksAtCognito = (token: string): Promise<boolean> =>
    cognito.send(new GetUserCommand({ AccessToken: token })).then(
      () => true,
      // Cognito answers first whether the token is revoked, and then that it has no scope for such calls.
      (error: unknown) => !String(error).includes('revoked'),
    );

  it(
    'ends the session, its renewal and the token at once for every service, and allows a new sign-in',
    async () => {
      const [browser, other] = [await signedIn(ADA), await signedIn(BOB)];
      const [token, others] = [await tokenOf(browser), await tokenOf(other)];
      await becomes(token, 'allowed');
      const sent = (await stack.okta('universal-logout', { login: ADA })) as LogoutResult;
      expect(sent).toMatchObject({
        url: `${stack.description.edge}/auth/okta/universal-logout`,
        attempts: [{ status: 204 }],
      });
      expect((await browser.get('/auth/session')).status).toBe(401);
      expect((await browser.post('/auth/refresh')).status).toBe(401);
      await becomes(token, 'token_revoked');
      await until('Cognito revokes it', async () => !(await worksAtCognito(token)), LIMIT_MS);
      const again = await signedIn(ADA);
      const fresh = await tokenOf(again);
      await becomes(fresh, 'allowed');
      expect([await worksAtCognito(fresh), again.cookies.has(SESSION)]).toEqual([true, true]);
      expect((await again.post('/auth/refresh')).status).toBe(200);
      expect([await decision(token), await decision(others)]).toEqual(['token_revoked', 'allowed']);
    },
    LIMIT_MS,
  );

  it.each(['wrong-key', 'wrong-typ', 'wrong-iss', 'wrong-sub', 'wrong-aud', 'expired'])(
    'refuses a request with the fault %s',
    async (fault) => {
      const browser = await signedIn(BOB);
      const { attempts } = (await stack.okta('universal-logout', { login: BOB, fault })) as LogoutResult;
      expect(attempts.map(({ status }) => status)).toEqual([fault === 'wrong-sub' ? 403 : 401]);
      expect((await browser.get('/auth/session')).status).toBe(200);
    },
    LIMIT_MS,
  );

  it(
    'accepts a request once, and completes it although the worker is killed',
    async () => {
      const token = await tokenOf(await signedIn(BOB));
      stack.kill('deactivation-worker');
      const { attempts } = (await stack.okta('universal-logout', { login: BOB, fault: 'replay' })) as LogoutResult;
      expect(attempts.map(({ status }) => status)).toEqual([204, 401]);
      await becomes(token, 'token_revoked');
      await becomes(await tokenOf(await signedIn(BOB)), 'allowed');
    },
    LIMIT_MS,
  );
});
