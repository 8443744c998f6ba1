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
  'insert into reevaluation (tenant, user_id, group_id, cause, causation_id, traceparent) values ($1, $2, $3, $4, $5, $6)',
);

/** A null `user` means all members of the cause's group, or all accounts of the tenant if there is no group. */
export async function requestReevaluation(
  queryable: Queryable,
  tenant: string,
  user: string | null,
  { cause, traceparent }: Change,
): Promise<void> {
  await queryable.query(requestSql, [tenant, user, cause.groupId, cause.type, cause.causationId, traceparent]);
}

/** Returns the next tenant with a request after tenant `$2`, and begins again after the last one. Leaves out the tenants in `$1`. */
export const nextTenant = `
  (select tenant from reevaluation where tenant > $2 and tenant <> all($1::uuid[]) order by tenant limit 1)
  union all
  (select tenant from reevaluation where tenant <> all($1::uuid[]) order by tenant limit 1)
  limit 1`;
export const NO_TENANT = '00000000-0000-0000-0000-000000000000';

const REQUEST = ['id', 'userId', 'groupId', 'cause', 'causationId', 'traceparent'] as const;
export type ReevaluationRequest = Pick<ReevaluationEntity, (typeof REQUEST)[number]>;

/**
 * Deletes and returns up to 500 requests. The caller holds the tenant's lock exclusively, so the rows need no locks.
 * The ids are an array, because a join would read all requests for each id (measured: 1 s for 500 of 9,000 requests).
 */
const takeSql = `
  delete from reevaluation where id = any(array(select id from reevaluation where tenant = $1 order by id limit 500))
  returning ${columnsOf(ReevaluationEntity, { only: REQUEST })}`;

export async function takeRequests(tx: Tx, tenant: string): Promise<ReevaluationRequest[]> {
  const requests = await tx.query<ReevaluationRequest>(takeSql, [tenant]);
  return requests.sort((a, b) => Number(a.id) - Number(b.id));
}

export async function affectedAccounts(tx: Tx, tenant: string, request: ReevaluationRequest): Promise<string[]> {
  const { userId, groupId } = request;
  if (userId !== null) return [userId];
  const rows =
    groupId === null
      ? await tx.query<{ id: string }>('select id from account where tenant = $1', [tenant])
      : await tx.query<{ id: string }>('select user_id as id from membership where tenant = $1 and group_id = $2', [
          tenant,
          groupId,
        ]);
  return rows.map(({ id }) => id);
}
