/** Builds the page of a refused login: plain HTML that has no scripts and loads nothing. Pure functions only. */
import { createHash } from 'node:crypto';
import { refusalOf, type RefusalCode } from './refusals.js';

/** The contrast is at least 7:1 for text and 4.5:1 for the edge of the button (WCAG 2.2, 1.4.6 and 1.4.11). */
const STYLE = `:root{color-scheme:light dark;--ground:#f3f5f8;--card:#fff;--ink:#1b2230;--quiet:#4a546b;--line:#cfd6e2;--accent:#0b4db3;--on:#fff}
@media(prefers-color-scheme:dark){:root{--ground:#11151c;--card:#1a202b;--ink:#e7ecf5;--quiet:#b3bdd1;--line:#36415a;--accent:#8ab4f8;--on:#0b1626}}
*{box-sizing:border-box}
body{margin:0;padding:max(1rem,min(12vh,8vw)) 1rem 1rem;font:1.0625rem/1.55 system-ui,sans-serif;color:var(--ink);background:var(--ground)}
main{max-width:32rem;margin:0 auto;padding:clamp(1.25rem,5vw,2.25rem);background:var(--card);border:1px solid var(--line);border-radius:.75rem}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .75rem;text-wrap:balance}p{margin:0 0 1.25rem;overflow-wrap:anywhere}
.brand{font-weight:700;color:var(--quiet);letter-spacing:.02em}
.button{display:inline-block;padding:.6rem 1.1rem;border-radius:.5rem;background:var(--accent);color:var(--on);font-weight:600;text-decoration:none}
.button:hover{text-decoration:underline}:focus-visible{outline:3px solid var(--accent);outline-offset:3px}
.wait{height:.25rem;margin:0 0 1.25rem;border-radius:.125rem;background:var(--line);overflow:hidden}
.wait::after{content:"";display:block;width:40%;height:100%;background:var(--accent);animation:wait 1.6s ease-in-out infinite alternate}
@keyframes wait{to{transform:translateX(150%)}}
@media(prefers-reduced-motion:reduce){.wait::after{animation:none;width:100%}}
.code{margin:0;padding-top:1rem;border-top:1px solid var(--line);color:var(--quiet);font-size:.875rem}`;

/** The content security policy allows only the style above, by its hash, and no other content, frames or forms. */
export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
} as const;

/**
 * Builds the page. `returnTo` must be a result of `safeReturnTo`. If it is null, the page has no link to sign in again.
 */
export function refusalPage(code: RefusalCode, returnTo: string | null): string {
  const { title, text, retrySeconds, final = false } = refusalOf(code);
  const login = returnTo === null ? null : `/auth/okta/login?returnTo=${encodeURIComponent(returnTo)}`;
  // WCAG 2.2.1 requires that a person can stop the refresh. Closing the page stops it, and the link does not wait.
  const refresh =
    retrySeconds && login ? `<meta http-equiv="refresh" content="${retrySeconds};url=${escape(login)}">` : '';
  const label = retrySeconds ? 'Try again now' : 'Sign in again';
  const link = login && !final ? `<p><a class="button" href="${escape(login)}">${label}</a></p>` : '';
  const waiting = refresh && '<div class="wait" role="progressbar" aria-label="Waiting to try again"></div>';
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
<p class="brand">StackFlow</p>
<h1>${escape(title)}</h1>
<p>${escape(text)}</p>
${waiting}
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
