/** SQL of requests for re-evaluations. A request commits together with the change that caused it. */
import { columnsOf, prepared, type Queryable, type Tx } from '#platform';
import { ReevaluationEntity } from './reevaluation.entity.js';
import type { Cause } from './subject.js';

/** The cause of a re-evaluation, and the trace of that cause. */
export interface Change {
  readonly cause: Cause;
  readonly traceparent: string | null;
}

const requestSql = prepared(
  'insert into reevaluation (tenant, user_ids, group_id, cause, causation_id, traceparent) values ($1, $2, $3, $4, $5, $6)',
);

/** Null `people` means all members of the cause's group, or all accounts of the tenant if there is no group. */
export async function requestReevaluation(
  queryable: Queryable,
  tenant: string,
  people: readonly string[] | null,
  { cause, traceparent }: Change,
): Promise<void> {
  await queryable.query(requestSql, [tenant, people, cause.groupId, cause.type, cause.causationId, traceparent]);
}

/** Returns the next tenant with a request after the tenant `$2`, in turn, except the tenants in `$1`. */
export const nextTenant = `
  (select tenant from reevaluation where tenant > $2 and tenant <> all($1::uuid[]) order by tenant limit 1)
  union all
  (select tenant from reevaluation where tenant <= $2 and tenant <> all($1::uuid[]) order by tenant limit 1)
  limit 1`;

const REQUEST = ['id', 'userIds', 'groupId', 'cause', 'causationId', 'traceparent'] as const;
export type ReevaluationRequest = Pick<ReevaluationEntity, (typeof REQUEST)[number]>;

/** Selects up to 500 requests, or fewer if they name more than 10,000 people. */
const nextSql = `
  select ${columnsOf(ReevaluationEntity, { only: REQUEST })} from (
    select r.*, sum(coalesce(cardinality(user_ids), 0)) over (order by id rows between unbounded preceding and 1 preceding) as before
      from (select * from reevaluation where tenant = $1 order by id limit 500) r
  ) counted where coalesce(before, 0) < 10000 order by id`;

/** Returns the oldest requests of the tenant in their order, and leaves them in the table. */
export function nextRequests(tx: Tx, tenant: string): Promise<ReevaluationRequest[]> {
  return tx.query<ReevaluationRequest>(nextSql, [tenant]);
}

/**
 * Deletes the requests and returns those that no other process has processed. The caller holds the tenant's lock
 * exclusively, so the rows need no locks.
 */
export async function takeRequests(tx: Tx, requests: readonly ReevaluationRequest[]): Promise<ReevaluationRequest[]> {
  const rows = await tx.query<{ id: number }>(
    'delete from reevaluation where id = any($1::bigint[]) returning id::float8 as id',
    [requests.map(({ id }) => id)],
  );
  const taken = new Set(rows.map(({ id }) => id));
  return requests.filter(({ id }) => taken.has(id));
}

export async function affectedAccounts(tx: Tx, tenant: string, request: ReevaluationRequest): Promise<string[]> {
  const { userIds, groupId } = request;
  if (userIds !== null) return userIds;
  const rows =
    groupId === null
      ? await tx.query<{ id: string }>('select id from account where tenant = $1', [tenant])
      : await tx.query<{ id: string }>('select user_id as id from membership where tenant = $1 and group_id = $2', [
          tenant,
          groupId,
        ]);
  return rows.map(({ id }) => id);
}
