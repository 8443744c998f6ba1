import { Problem, violatedConstraint } from '#platform';
import { SecretStoreUnavailable } from '#secrets';

export const unknownTenant = (slug: string): Problem =>
  new Problem('tenant_unknown', `There is no tenant "${slug}".`, undefined, { tenant: slug });

export const tenantErasing = (slug: string): Problem =>
  new Problem(
    'tenant_erasing',
    `The erasure of the tenant "${slug}" was requested, so it cannot be changed.`,
    undefined,
    {
      tenant: slug,
    },
  );

export const tenantExists = (slug: string, tokenIssuedAt: string | null): Problem =>
  new Problem(
    'tenant_exists',
    `The tenant "${slug}" already exists; its SCIM token was issued at ${tokenIssuedAt}. Rotate the token to get a new one.`,
    undefined,
    { tenant: slug, tokenIssuedAt },
  );

/** Throws a problem if the host name belongs to another tenant. Use it in `catch`. */
export function hostTaken(error: unknown, host: string | null | undefined): never {
  if (host && violatedConstraint(error) === 'tenant_host_key')
    throw new Problem('host_taken', `The host name ${host} belongs to another tenant.`, undefined, { host });
  throw error;
}

/** Throws a problem if the secret store does not answer. `effect` says what was changed, and what was not. */
export function secretStoreDown(error: unknown, effect: string): never {
  if (!(error instanceof SecretStoreUnavailable)) throw error;
  throw new Problem(
    'secret_store_unavailable',
    `${effect}: ${error.message}. Repeat the change when Secrets Manager answers again.`,
    5,
  );
}

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const SLUG = new RegExp(`^${LABEL}$`);
const HOST = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`);

/** Throws a problem for an invalid slug. A slug may become part of a host name, so it must follow the rules of DNS. */
export function checkSlug(slug: string): void {
  if (SLUG.test(slug)) return;
  throw new Problem(
    'slug_invalid',
    `${JSON.stringify(slug)} cannot be the short name of a tenant; use 1 to 63 lower-case letters, digits and hyphens, without a hyphen at either end.`,
    undefined,
    { slug },
  );
}

/** Returns the host name as it is stored: in lower case, without scheme, port and path. */
export function checkHost(host: string): string {
  const lower = host.trim().toLowerCase();
  if (HOST.test(lower)) return lower;
  throw new Problem(
    'host_invalid',
    `${JSON.stringify(host)} is not a host name; give it without https://, port and path, for example your-instance.stackflow-tech.com.`,
    undefined,
    { host },
  );
}

/** VSCHAR of RFC 6749, appendix A.2. Okta's API tokens have 42 characters, and its client secrets have 64. */
const SECRET = /^[\x21-\x7e]{10,512}$/;
const SECRET_NAMES = { apiToken: 'API token', clientSecret: 'client secret' } as const;

/** Returns the secret without blanks at its ends. A refusal never quotes the secret. */
export function checkSecret(field: keyof typeof SECRET_NAMES, value: string): string {
  const secret = value.trim();
  if (SECRET.test(secret)) return secret;
  const prefix = field === 'apiToken' ? 'without "SSWS" and ' : '';
  throw new Problem(
    'secret_invalid',
    `This is not a valid ${SECRET_NAMES[field]}: it must have 10 to 512 printable characters and no blanks. Give the secret alone, ${prefix}without quotes.`,
    undefined,
    { field, minLength: 10, maxLength: 512, length: secret.length },
  );
}
