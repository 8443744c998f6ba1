/**
 * Reads the members of groups, or the groups of users, in parts. An answer never holds more than a few thousand of them,
 * and no connection is held while a slow client reads.
 */
import { NIL_UUID, prepared, type Prepared, type Queryable } from '#platform';

export interface Related {
  readonly value: string;
  readonly display: string;
}

/** A part of one owner's list. `last` is true for the last part of the owner, which may be empty. */
export interface RelatedPart {
  readonly items: readonly Related[];
  readonly last: boolean;
}

/** Most items of one owner that one statement reads. */
const PER_READ = 1_000;
/** Owners of the first statement. The next ones read as many owners as have about {@link PER_READ} items together. */
const FIRST_OWNERS = 4;
/** Most owners of one statement, because large lists may follow many empty ones. */
const MOST_OWNERS = 40;

/**
 * `owner` and `related` are columns of `members`; `table` holds the related rows. The limit stands before the join, because
 * a merge join would read `table` from its beginning for every part.
 */
export const relatedSql = (owner: string, related: string, table: string, display: string): Prepared =>
  prepared(`
  select o.id as owner, p.id as value, x.${display} as display
  from unnest($2::uuid[]) o(id)
  cross join lateral (
    select m.${related} as id from members m where m.tenant_id = $1 and m.${owner} = o.id and m.${related} > $3::uuid
    order by m.${related} limit ${PER_READ}
  ) p
  join ${table} x on x.tenant_id = $1 and x.id = p.id
  order by p.id`);

/** Yields the lists of all owners in the order of `owners`, each sorted by id, in one part or more. */
export async function* relatedOf(
  queryable: Queryable,
  sql: Prepared,
  tenantId: string,
  owners: readonly string[],
): AsyncGenerator<RelatedPart, void, undefined> {
  const read = async (ids: readonly string[], after: string): Promise<Map<string, Related[]>> => {
    const rows = await queryable.query<Related & { owner: string }>(sql, [tenantId, ids, after]);
    const lists = new Map<string, Related[]>(ids.map((id) => [id, []]));
    for (const { owner, value, display } of rows) lists.get(owner)?.push({ value, display });
    return lists;
  };
  let size = FIRST_OWNERS;
  for (let at = 0; at < owners.length;) {
    const batch = owners.slice(at, at + size);
    const lists = await read(batch, NIL_UUID);
    let found = 0;
    for (const id of batch) {
      let items = lists.get(id) ?? [];
      lists.delete(id);
      found += items.length;
      while (items.length === PER_READ) {
        yield { items, last: false };
        items = (await read([id], items.at(-1)?.value ?? '')).get(id) ?? [];
      }
      yield { items, last: true };
    }
    at += batch.length;
    const average = Math.max(found / batch.length, 1);
    size = Math.min(Math.max(Math.floor(PER_READ / average), 1), MOST_OWNERS);
  }
}
