/**
 * A sign-in through every process, connected as by `npm start`: edge, auth-service, sandbox Okta, Cognito and its
 * triggers.
 */
import { decodeJwt } from 'jose';
import type { Answer, Browser } from '../support/auth-browser.js';
import { SESSION } from '../support/auth-journey.js';
import { OktaBrowser } from '../support/okta-browser.js';
import { until } from '../support/waiting.js';
import type { TestStack } from '../support/stack.js';
import { edgeBrowser, signInWithRole } from './edge-browser.js';

const LIMIT_MS = 120_000;
const ADA = 'ada@example.com';

export function signsIn(running: () => TestStack): void {
  let stack: TestStack;
  beforeAll(async () => {
    stack = running();
    await stack.okta('assign', { login: ADA, profile: { firstName: 'Ada', lastName: 'Lovelace' } });
    await stack.okta('push-group', { group: 'StackFlow-Agents', members: [ADA] });
  }, LIMIT_MS);

  const signedIn = (browser: Browser): Promise<Answer> => signInWithRole(stack, browser, ADA, 'itsm_agent');

  it(
    'returns to the first page, with a session whose access token the user pool signed for this account',
    async () => {
      const browser = edgeBrowser(stack);
      const landed = await signedIn(browser);
      expect(landed.headers.location).toBe('/incidents/42');
      expect(browser.cookies.has(SESSION)).toBe(true);
      const session = JSON.parse((await browser.get('/auth/session')).body) as {
        account: { id: string; userName: string };
        roles: string[];
        accessToken: string;
      };
      expect(session).toMatchObject({ account: { userName: ADA }, roles: ['itsm_agent'] });
      const { cognito } = stack.description;
      expect(decodeJwt(session.accessToken)).toMatchObject({
        iss: expect.stringContaining(cognito.userPoolId) as string,
        client_id: cognito.clientId,
        username: session.account.id,
        'cognito:groups': ['itsm_agent'],
      });
    },
    LIMIT_MS,
  );

  it(
    'ends with a suspension in Okta: the session is invalid and no login succeeds',
    async () => {
      const browser = edgeBrowser(stack);
      await signedIn(browser);
      await stack.okta('suspend', { login: ADA });
      await until('the session ends', async () => (await browser.get('/auth/session')).status === 401, LIMIT_MS);
      expect((await browser.post('/auth/refresh')).status).toBe(401);
      // The sandbox Okta refuses the person as well.
      const begun = await browser.get('/auth/okta/login');
      const entered = await new OktaBrowser().signIn(begun.headers.location ?? '', ADA);
      expect(entered.headers.get('location') ?? '').not.toContain('code=');
    },
    LIMIT_MS,
  );
}
