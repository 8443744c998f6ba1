/**
 * Limits the issuers that the service contacts (SSRF). An issuer is an org under one of Okta's domains, or a custom
 * domain that the operator listed. In development, one configured origin replaces all of these. An issuer comes from a
 * tenant's settings, never from a token or a query.
 */
import { isIP } from 'node:net';
import { isOktaDomain } from '#settings';
import { OidcError } from './errors.js';

export interface IssuerRuleOptions {
  /** Custom domains of Okta orgs, as bare host names. */
  readonly customDomains?: readonly string[];
  /** For development only: this origin replaces the origin of every issuer. It may be http and on a private address. */
  readonly override?: string | undefined;
}

/**
 * The path of an issuer: empty for the org authorization server, or e.g. `/oauth2/default` for a custom one. Okta has
 * no other paths.
 */
const ISSUER_PATH = /^(?:\/oauth2\/[A-Za-z0-9]{1,64})?$/;

export class IssuerRule {
  private readonly customDomains: ReadonlySet<string>;
  private readonly overrideOrigin: string | undefined;

  constructor(options: IssuerRuleOptions = {}) {
    const domains = (options.customDomains ?? []).map((domain) => domain.toLowerCase());
    this.customDomains = new Set(domains.filter((domain) => isIP(domain) === 0));
    this.overrideOrigin = options.override === undefined ? undefined : new URL(options.override).origin;
  }

  get overridden(): boolean {
    return this.overrideOrigin !== undefined;
  }

  /**
   * Returns the issuer that tokens contain: `issuer` itself, or in development `issuer` with the origin of the
   * override. Throws `issuer_not_allowed`.
   */
  resolve(issuer: string): string {
    const url = URL.canParse(issuer) ? new URL(issuer) : null;
    const path = url === null || url.pathname === '/' ? '' : url.pathname;
    // This comparison of texts refuses credentials, a port, a query, upper case and a trailing slash.
    const plain = url !== null && issuer === `https://${url.hostname}${path}` && ISSUER_PATH.test(path);
    if (!plain || !(isOktaDomain(url.hostname) || this.customDomains.has(url.hostname)))
      throw new OidcError(
        'issuer_not_allowed',
        'The issuer must be https://<your org>.okta.com, or one of its authorization servers (https://<your org>.okta.com/oauth2/default). The operator must allow a custom domain.',
      );
    return this.overrideOrigin === undefined ? issuer : this.overrideOrigin + path;
  }
}
