import { sqlState, type Database, type Queryable } from '#platform';
import { LIMITS, ScimError, type Filter, type Page } from '#scim';
import { filterSql, isLookup, Parameters, searchesOf, type Columns } from './filter.sql.js';

export interface PageQuery {
  readonly select: string;
  readonly from: string;
  /** The tenant's rows. `$1` is the tenant. */
  readonly where: string;
  readonly order: string;
  readonly columns: Columns;
  /** Attributes of which a tenant has each value once, with an index. */
  readonly unique: readonly string[];
  /** The word for the rows in error texts, e.g. "users". */
  readonly rows: string;
  readonly tenantId: string;
  readonly filter: Filter | undefined;
  readonly page: Page;
}

/** Returns the page and the number of all matches. If the page is empty or full, another statement counts the matches. */
export function selectPage<T>(database: Database, query: PageQuery): Promise<{ rows: T[]; total: number }> {
  const { filter } = query;
  if (filter === undefined || isLookup(filter, query.unique)) return select<T>(database, query);
  return withTimeLimit(database, async (tx) => {
    await checkSearches(tx, query, searchesOf(filter, query.unique));
    return select<T>(tx, query);
  });
}

async function select<T>(
  queryable: Queryable,
  { select: columns, from, where, order, columns: filterColumns, unique, tenantId, filter, page }: PageQuery,
): Promise<{ rows: T[]; total: number }> {
  const parameters = new Parameters();
  parameters.add(tenantId);
  const condition = filter ? `${where} and ${filterSql(filter, filterColumns, parameters)}` : where;
  const { values } = parameters;
  const skip = page.startIndex - 1;
  const next = values.length + 1;
  // For one row, ORDER BY is useless, and Postgres might read a whole index because of it.
  const orderBy = isLookup(filter, unique) ? '' : `order by ${order}`;
  const rows =
    page.count === 0
      ? []
      : await queryable.query<T>(
          `select ${columns} from ${from} where ${condition} ${orderBy} offset $${next} limit $${next + 1}`,
          [...values, skip, page.count],
        );
  if (rows.length > 0 && rows.length < page.count) return { rows, total: skip + rows.length };
  const [counted] = await queryable.query<{ total: number }>(
    `select count(*)::int as total from ${from} where ${condition}`,
    [...values],
  );
  return { rows, total: counted?.total ?? 0 };
}

/** Refuses a filter that would search too many texts. Counts the tenant's rows only as far as needed. */
async function checkSearches(
  tx: Queryable,
  { from, where, rows, tenantId }: PageQuery,
  searches: number,
): Promise<void> {
  if (searches === 0) return;
  const most = Math.floor(LIMITS.filterSearches / searches);
  const [counted] = await tx.query<{ n: number }>(
    `select count(*)::int as n from (select from ${from} where ${where} limit $2) counted`,
    [tenantId, most + 1],
  );
  if ((counted?.n ?? 0) <= most) return;
  throw ScimError.of(
    'tooMany',
    `The filter has ${searches} comparisons with co, sw or ew. With that many it can search at most ${most.toLocaleString('en')} ${rows}, and there are more. Compare a whole value with eq, or use fewer comparisons.`,
  );
}

async function withTimeLimit<T>(database: Database, work: (tx: Queryable) => Promise<T>): Promise<T> {
  try {
    return await database.tx(async (tx) => {
      await tx.query(`set local statement_timeout = ${LIMITS.filterMs}`);
      return work(tx);
    });
  } catch (error) {
    if (sqlState(error) !== '57014') throw error;
    throw ScimError.of(
      'tooMany',
      `The filter takes more than ${LIMITS.filterMs / 1_000} s, which is the limit. Compare id, userName, externalId or the displayName of a group with eq, or use fewer comparisons.`,
    );
  }
}
