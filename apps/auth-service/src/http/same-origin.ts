/**
 * CSRF protection: only pages of the tenant's own origin may change state. Browsers send the origin in headers that
 * scripts cannot set: Fetch Metadata and Origin (RFC 6454). Every current browser sends at least one of them.
 */
export interface OriginHeaders {
  readonly 'sec-fetch-site'?: string | string[] | undefined;
  readonly origin?: string | string[] | undefined;
}

export function isSameOrigin(headers: OriginHeaders, origin: string): boolean {
  const { 'sec-fetch-site': site, origin: from } = headers;
  if (site === undefined && from === undefined) return false;
  return (site === undefined || site === 'same-origin') && (from === undefined || from === origin);
}
