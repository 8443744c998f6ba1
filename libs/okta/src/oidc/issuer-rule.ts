/**
 * Limits the issuers that the service contacts (SSRF): an org under one of Okta's domains, a custom domain that the operator
 * listed, or, in development, the one origin that replaces them. An issuer comes from a tenant's settings, never from a
 * token or a query. Pure.
 */
import { isIP } from 'node:net';
import { isOktaDomain } from '#settings';
import { OidcError } from './errors.js';

export interface IssuerRuleOptions {
  /** Custom domains of Okta orgs, bare host names. */
  readonly customDomains?: readonly string[];
  /** Development only: replaces the origin of every issuer. May be http and on a private address. */
  readonly override?: string | undefined;
}

/** The org authorization server or a custom one (`/oauth2/default`). Okta has no other paths. */
const ISSUER_PATH = /^(?:\/oauth2\/[A-Za-z0-9]{1,64})?$/;

export class IssuerRule {
  private readonly customDomains: ReadonlySet<string>;
  private readonly overrideOrigin: string | undefined;

  constructor(options: IssuerRuleOptions = {}) {
    const domains = (options.customDomains ?? []).map((domain) => domain.toLowerCase());
    this.customDomains = new Set(domains.filter((domain) => isIP(domain) === 0));
    this.overrideOrigin = options.override === undefined ? undefined : new URL(options.override).origin;
  }

  /** Development only: allows plain http and private addresses, on that one origin. */
  get overridden(): boolean {
    return this.overrideOrigin !== undefined;
  }

  /** The issuer as the protocol uses it. Throws `issuer_not_allowed`. */
  resolve(issuer: string): string {
    const url = URL.canParse(issuer) ? new URL(issuer) : null;
    const path = url === null || url.pathname === '/' ? '' : url.pathname;
    // The comparison with the original text refuses credentials, port, query, upper case and a trailing slash.
    const plain = url !== null && issuer === `https://${url.hostname}${path}` && ISSUER_PATH.test(path);
    if (!plain || !(isOktaDomain(url.hostname) || this.customDomains.has(url.hostname)))
      throw new OidcError(
        'issuer_not_allowed',
        'The issuer must be https://<your org>.okta.com, or one of its authorization servers (https://<your org>.okta.com/oauth2/default). The operator must allow a custom domain.',
      );
    return this.overrideOrigin === undefined ? issuer : this.overrideOrigin + path;
  }
}
