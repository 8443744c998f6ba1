import type { Queryable } from '#platform';
import type { Page } from '#scim';

export interface PageQuery {
  readonly select: string;
  readonly from: string;
  readonly where: string;
  /** The ORDER BY clause, or empty if at most one row can match. */
  readonly order: string;
  readonly parameters: readonly unknown[];
  readonly page: Page;
}

/**
 * Returns the page and the number of all matches. A page that is neither empty nor full reveals this number, and
 * otherwise a second statement counts.
 */
export async function selectPage<T>(
  queryable: Queryable,
  { select, from, where, order, parameters, page }: PageQuery,
): Promise<{ rows: T[]; total: number }> {
  const skip = page.startIndex - 1;
  const next = parameters.length + 1;
  const rows =
    page.count === 0
      ? []
      : await queryable.query<T>(`${select} where ${where} ${order} offset $${next} limit $${next + 1}`, [
          ...parameters,
          skip,
          page.count,
        ]);
  if (rows.length > 0 && rows.length < page.count) return { rows, total: skip + rows.length };
  const [counted] = await queryable.query<{ total: number }>(
    `select count(*)::int as total from ${from} where ${where}`,
    [...parameters],
  );
  return { rows, total: counted?.total ?? 0 };
}
