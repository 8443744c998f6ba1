/** Where Okta reaches a tenant. */
import type { Tenant } from './tenant.sql.js';

/** Its own host name, else the common origin. */
export const origin = (tenant: Tenant, publicUrl: string | undefined): string =>
  (tenant.host ? `https://${tenant.host}` : (publicUrl ?? 'https://your-instance.stackflow-tech.com')).replace(
    /\/+$/,
    '',
  );

/** The slug tells the tenant, so that tenants without a host name of their own have one each. */
export const eventHookUrl = (tenant: Tenant, publicUrl: string | undefined): string =>
  `${origin(tenant, publicUrl)}/auth/okta/event-hook/${tenant.slug}`;

/** What the OIDC app in Okta must name, character by character; auth-service serves all of it. */
export const signInUrls = (tenant: Tenant, publicUrl: string | undefined) => {
  const home = origin(tenant, publicUrl);
  return {
    redirectUri: `${home}/auth/okta/callback`,
    loginUri: `${home}/auth/okta/login`,
    signedOutUri: `${home}/`,
    universalLogoutUri: `${home}/auth/okta/universal-logout`,
  };
};
