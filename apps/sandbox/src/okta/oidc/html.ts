/** The pages that a person sees: plain HTML without scripts, and one form for each way to sign in. */
import { escape, page as frame } from '../../page.js';
import { displayName, type Profile } from '../model.js';

const page = (title: string, body: string): string => frame(title, body, 'Sandbox Okta');

export interface SignInPage {
  readonly org: string;
  readonly stateToken: string;
  readonly people: readonly { readonly login: string; readonly profile: Profile }[];
  readonly loginHint: string;
  /** The message that the page shows above its form. */
  readonly problem: string | null;
}

export function signInPage({ org, stateToken, people, loginHint, problem }: SignInPage): string {
  const state = `<input type="hidden" name="stateToken" value="${escape(stateToken)}">`;
  const person = ({ login, profile }: SignInPage['people'][number]): string =>
    `<li><button name="username" value="${escape(login)}">${escape(displayName({ login, profile }))} <small>${escape(login)}</small></button></li>`;
  const picker =
    people.length === 0
      ? `<p>Nobody is assigned to the app yet. To assign a person: npm run okta -- assign anna.lee@example.com</p>`
      : `<form method="post" action="/signin" aria-label="People assigned to the app">${state}<ul>${people.map(person).join('')}</ul></form>`;
  return page(
    'Sign In',
    `<p>Sandbox Okta, org ${escape(org)}. You need no password.</p>
${problem === null ? '' : `<p role="alert">${escape(problem)}</p>`}
${picker}
<form method="post" action="/signin" aria-label="Anybody else">${state}
<label for="username">Username</label>
<input id="username" name="username" value="${escape(loginHint)}" autocomplete="username" required maxlength="200">
<button>Sign in</button></form>`,
  );
}

export const errorPage = (code: string, description: string): string =>
  page(
    'Your request resulted in an error',
    `<p role="alert">${escape(description)}</p><p>Error code: <code>${escape(code)}</code></p>`,
  );

export const signedOutPage = (): string => page('You are signed out', '<p>You can close this window.</p>');
