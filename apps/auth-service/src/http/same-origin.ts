/**
 * CSRF: what changes something must come from a page of the tenant's own origin. Browsers say where a request comes from
 * in headers that scripts cannot write (Fetch Metadata; Origin, RFC 6454); who sends neither is no browser of today.
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
