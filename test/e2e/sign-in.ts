/**
 * A sign-in through every process, connected as by `npm start`: edge, auth-service, sandbox Okta, Cognito and its
 * triggers.
 */
import { decodeJwt } from 'jose';
import type { Answer, Browser } from '../auth/browser.js';
import { SESSION } from '../auth/journey.js';
import { Browser as OktaBrowser, enter } from '../sandbox/relying-party.js';
import { eventually } from '../support/push.js';
import type { TestStack } from '../support/stack.js';
import { edgeBrowser, signInWithRole } from './signing-in.js';

const LIMIT_MS = 120_000;
const ADA = 'ada@example.com';

export function signsIn(running: () => TestStack): void {
  let stack: TestStack;
  beforeAll(async () => {
    stack = running();
    await stack.okta('assign', { login: ADA, profile: { firstName: 'Ada', lastName: 'Lovelace' } });
    await stack.okta('push-group', { group: 'StackFlow-Agents', members: [ADA] });
  }, LIMIT_MS);

  const browserAtTheEdge = (): Browser => edgeBrowser(stack);
  const signedIn = (browser: Browser): Promise<Answer> => signInWithRole(stack, browser, ADA, 'itsm_agent');

  it(
    'returns to the first page, with a session whose access token the user pool signed for this account',
    async () => {
      const browser = browserAtTheEdge();
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
      const browser = browserAtTheEdge();
      await signedIn(browser);
      await stack.okta('suspend', { login: ADA });
      await eventually(
        'the session ends',
        async () => (await browser.get('/auth/session')).status === 401 || undefined,
        LIMIT_MS,
      );
      expect((await browser.post('/auth/refresh')).status).toBe(401);
      // The sandbox Okta refuses the person as well.
      const atOkta = new OktaBrowser();
      const page = await atOkta.visit((await browser.get('/auth/okta/login')).headers.location ?? '');
      const entered = await enter(stack.description.sandbox.okta, atOkta, await page.text(), ADA);
      expect(entered.headers.get('location') ?? '').not.toContain('code=');
    },
    LIMIT_MS,
  );
}
