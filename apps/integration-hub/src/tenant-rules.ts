/** What a tenant may be called. Both names may become part of a host name, so both follow DNS. */
import { Problem } from '#platform';

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const SLUG = new RegExp(`^${LABEL}$`);
const HOST = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`);

export function checkSlug(slug: string): string {
  if (SLUG.test(slug)) return slug;
  throw new Problem(
    'invalid_request',
    `${JSON.stringify(slug)} cannot be the short name of a tenant; use 1 to 63 lower-case letters, digits and hyphens, no hyphen at either end.`,
  );
}

/** Host names do not care about case; the stored one is in lower case, without scheme, port or path. */
export function checkHost(host: string): string {
  const lower = host.trim().toLowerCase();
  if (HOST.test(lower)) return lower;
  throw new Problem(
    'invalid_request',
    `${JSON.stringify(host)} is not a host name; give it without https://, port and path, for example your-instance.stackflow-tech.com.`,
  );
}
