/** The page for somebody who is not let in: plain HTML, no script, nothing loaded from anywhere. Pure. */
import { createHash } from 'node:crypto';
import { refusalOf, type RefusalCode } from './refusals.js';

const STYLE =
  'body{font:1.125rem/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1.25rem;color:#1b1f24;background:#fff}' +
  'h1{font-size:1.6rem;line-height:1.25}a{color:#0b5cad}.code{color:#57606a;font-size:.9rem}' +
  '@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}a{color:#79b8ff}.code{color:#9da7b3}}';

/** The one style by its hash; nothing else may load, run, frame or be sent. */
export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
} as const;

/** `returnTo` has passed `safeReturnTo`; without one the page offers no way back into the login. */
export function refusalPage(code: RefusalCode, returnTo: string | null): string {
  const { title, text, retrySeconds, again } = refusalOf(code);
  const login = returnTo === null ? null : `/auth/okta/login?returnTo=${encodeURIComponent(returnTo)}`;
  // WCAG 2.2.1 asks that a person can stop a refresh: the link does the same at once, and closing the page ends it.
  const refresh =
    retrySeconds && login ? `<meta http-equiv="refresh" content="${retrySeconds};url=${escape(login)}">` : '';
  const link = again && login ? `<p><a href="${escape(login)}">Sign in again</a></p>` : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${refresh}
<title>${escape(title)} - StackFlow</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escape(title)}</h1>
<p>${escape(text)}</p>
${link}
<p class="code">Code: ${code}</p>
</main>
</body>
</html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
