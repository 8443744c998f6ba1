/** Okta's paging: `limit`, an opaque `after`, and `Link` headers. */
import { ApiError } from './api-error.js';
import type { PageOf } from './directory.sql.js';

export interface Limits {
  readonly default: number;
  /** The largest page size. A greater `limit` is reduced to it. */
  readonly max: number;
}

type Query = Readonly<Record<string, unknown>>;

export function pageOf(query: Query, limits: Limits): PageOf {
  const { limit = String(limits.default), after } = query;
  if (typeof limit !== 'string' || !/^[1-9]\d{0,6}$/.test(limit)) throw new ApiError('E0000001', 'limit');
  return { limit: Math.min(Number(limit), limits.max), after: after === undefined ? '' : readCursor(after) };
}

export const cursorAfter = (id: string): string => Buffer.from(`after:${id}`).toString('base64url');

function readCursor(value: unknown): string {
  const text = typeof value === 'string' ? Buffer.from(value, 'base64url').toString('utf8') : '';
  const id = /^after:([0-9A-Za-z]{20})$/.exec(text)?.[1];
  if (id === undefined) throw new ApiError('E0000001', 'after');
  return id;
}

export function linkHeaders(url: URL, next: string | null): string[] {
  const links = [`<${url.href}>; rel="self"`];
  if (next === null) return links;
  const following = new URL(url);
  following.searchParams.set('after', next);
  return [...links, `<${following.href}>; rel="next"`];
}

const STATUS_TERM = /^status eq "([A-Z_]+)"$/;

/**
 * Returns the statuses in a filter such as `status eq "A" or status eq "B"`, or null without a filter. All other
 * filters are refused.
 */
export function statusFilter(filter: unknown): readonly string[] | null {
  if (filter === undefined) return null;
  if (typeof filter !== 'string' || filter.length > 500) throw new ApiError('E0000031');
  return filter.split(' or ').map((term) => {
    const status = STATUS_TERM.exec(term)?.[1];
    if (status === undefined) throw new ApiError('E0000031');
    return status;
  });
}
