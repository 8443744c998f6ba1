/**
 * Limits the addresses of requests to Okta (SSRF). A request goes by https to the tenant's org under one of Okta's own
 * domains, or to the address that the operator configured. Neither a tenant's setting nor a response of Okta can choose
 * another host.
 */
import { isOktaDomain } from '#settings';
import { OktaError } from './errors.js';

export function originOf(domain: string, endpoint: string | undefined): string {
  if (endpoint !== undefined) return new URL(endpoint).origin;
  if (isOktaDomain(domain)) return `https://${domain}`;
  throw new OktaError(
    'invalid_domain',
    'The Okta domain must be the name of an org such as acme.okta.com (also oktapreview.com, okta-emea.com), without https:// or a path.',
  );
}

/** An Okta id has 20 letters and digits. A login, `me` or `..` in the path would name another user. */
export const isOktaId = (id: string): boolean => /^[0-9A-Za-z]{20}$/.test(id);

/**
 * Returns the URL of the next page from the `Link` headers, or null on the last page. The link must lead to the same
 * list, because the token must not be sent to another address.
 */
export function nextPage(link: string | null, current: URL): URL | null {
  const found = (link ?? '').split(/,\s*(?=<)/).find((part) => /;\s*rel="?next"?\s*(?:;|$)/i.test(part));
  if (found === undefined) return null;
  const target = /^\s*<([^>]*)>/.exec(found)?.[1] ?? '';
  const next = URL.canParse(target) ? new URL(target) : null;
  if (next && next.origin === current.origin && next.pathname === current.pathname && next.username === '') return next;
  throw new OktaError('invalid_answer', 'The link to the next page leads to another address; it was not followed.');
}
