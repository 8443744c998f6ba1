/** The steps of a login, so that a test can change each. */
import type { Answer, Browser } from './auth-browser.js';
import type { HostileProvider } from './auth-provider.js';

/** Each login cookie has a different name. */
export const loginCookies = (browser: Browser): [string, string][] =>
  [...browser.cookies].filter(([name]) => name.startsWith('__Host-sf_login_'));
export const SESSION = '__Host-sf_session';

/** Begins a login and answers Okta's URL. */
export async function begin(browser: Browser, returnTo = '/incidents/42'): Promise<string> {
  const answer = await browser.get(`/auth/okta/login?returnTo=${encodeURIComponent(returnTo)}`);
  if (answer.status !== 302) throw new Error(`the login did not begin: ${answer.status} ${codeOn(answer)}`);
  return answer.headers.location ?? '';
}

/** Okta's callback for a login, with changed parameters (undefined = left out). */
export function back(op: HostileProvider, location: string, change: Record<string, string | undefined> = {}): string {
  const query = { ...op.authorize(location), ...change };
  const present = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return `/auth/okta/callback?${new URLSearchParams(present).toString()}`;
}

export const signIn = async (op: HostileProvider, browser: Browser): Promise<Answer> =>
  browser.get(back(op, await begin(browser)));

/** The code on a refusal page. */
export const codeOn = (page: Answer): string => /Code: (\w+)/.exec(page.body)?.[1] ?? `none (${page.status})`;
