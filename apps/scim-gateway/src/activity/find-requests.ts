import type { ScimRequestPage, ScimRequestQuery, ScimRequestView } from '#contracts';
import { UUID, pageOf, parseCursor, type Database } from '#platform';
import { ScimRequestEntity } from './scim-request.entity.js';

const PAGE_SIZE = 50;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Returns one page of a tenant's requests, newest first. It never contains requests of other tenants. */
export async function findRequests(
  database: Database,
  tenantId: string,
  { limit = PAGE_SIZE, cursor, ...filters }: ScimRequestQuery,
): Promise<ScimRequestPage> {
  const query = database
    .repository(ScimRequestEntity)
    .createQueryBuilder('r')
    .where('r.tenantId = :tenantId', { tenantId })
    .orderBy('r.at', 'DESC')
    .addOrderBy('r.id', 'DESC')
    .take(limit + 1);
  const conditions = {
    resourceId: 'r.resourceId = :resourceId',
    resourceType: 'r.resourceType = :resourceType',
    method: 'r.method = :method',
    statusAtLeast: 'r.status >= :statusAtLeast',
    since: 'r.at >= :since',
  };
  for (const [name, condition] of Object.entries(conditions)) {
    const value = filters[name as keyof typeof conditions];
    if (value !== undefined) query.andWhere(condition, { [name]: value });
  }
  if (cursor !== undefined) {
    const [at, id] = parseCursor(cursor, INSTANT, UUID);
    query.andWhere('(r.at, r.id) < (:at, :id)', { at, id });
  }
  const { page, next } = pageOf(await query.getMany(), limit, ({ at, id }) => [at.toISOString(), id]);
  return { requests: page.map(view), nextCursor: next };
}

const view = ({ tenantId: _, leftOut, ...request }: ScimRequestEntity): ScimRequestView => ({
  ...request,
  leftOut: leftOut ?? [],
});
