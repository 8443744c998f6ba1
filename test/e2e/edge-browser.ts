/** A person with a browser at the edge of a running stack, and another tab at the sandbox Okta. */
import { Browser, type Answer } from '../support/auth-browser.js';
import { OktaBrowser } from '../support/okta-browser.js';
import { until } from '../support/waiting.js';
import type { TestStack } from '../support/stack.js';

const LIMIT_MS = 120_000;

export const edgeBrowser = ({ description }: TestStack): Browser => new Browser(description.edge, description.edge);

/** The answer of the callback. */
export async function signIn({ description }: TestStack, browser: Browser, login: string): Promise<Answer> {
  const begun = await browser.get('/auth/okta/login?returnTo=%2Fincidents%2F42');
  expect(begun.status).toBe(302);
  const entered = await new OktaBrowser().signIn(begun.headers.location ?? '', login);
  const back = new URL(entered.headers.get('location') ?? '');
  expect(back.origin).toBe(description.edge);
  return browser.get(back.pathname + back.search);
}

/** Repeats the sign-in until it succeeds and the token has the role. */
export const signInWithRole = (stack: TestStack, browser: Browser, login: string, role: string): Promise<Answer> =>
  until(
    'a sign-in with the role of the group',
    async () => {
      const landed = await signIn(stack, browser, login);
      if (landed.status !== 303) return null;
      const { roles } = JSON.parse((await browser.get('/auth/session')).body) as { roles: string[] };
      return roles.includes(role) && landed;
    },
    LIMIT_MS,
  );
