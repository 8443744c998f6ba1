/** The pages that a person sees: plain HTML without scripts, and one form for each way to sign in. */
import { createHash } from 'node:crypto';
import { displayName, type Profile } from '../model.js';

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f4f4f4;color:#1d1d21}
*{box-sizing:border-box}main{max-width:28rem;margin:3rem auto;padding:2rem;background:#fff;border:1px solid #8c8c96;border-radius:.5rem}
h1{font-size:1.4rem;margin:0 0 1rem}ul{list-style:none;padding:0}li{margin:.5rem 0}
label{display:block;font-weight:600}input{font:inherit;width:100%;padding:.5rem;border:1px solid #6e6e78;border-radius:.25rem}
button{font:inherit;width:100%;text-align:left;padding:.6rem;margin-top:.5rem;border:1px solid #1662dd;border-radius:.25rem;background:#fff;color:#1d1d21;cursor:pointer}
form+form{margin-top:1.5rem;padding-top:1.5rem;border-top:1px solid #c9c9d1}form+form button{text-align:center;background:#1662dd;color:#fff}
@media(max-width:30rem){main{margin:0;border:0;padding:1.25rem}}
button small{display:block;color:#595962}:focus-visible{outline:3px solid #1662dd;outline-offset:2px}
[role=alert]{border-left:4px solid #b3261e;padding:.5rem 1rem;background:#fdf3f2}`;

/** Headers of each page. A `form-action` in the policy would block the redirect to the client after the form. */
export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; frame-ancestors 'none'`,
};

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

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title} - Sandbox Okta</title><style>${STYLE}</style></head>
<body><main><h1>${title}</h1>
${body}
</main></body></html>
`;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escape = (text: string): string => text.replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c);
