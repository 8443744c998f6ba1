/** Reads the log of SCIM requests, newest first. */
import type { ScimRequestPage, ScimRequestQuery, ScimRequestView } from '#contracts';
import { Problem, type Database } from '#platform';
import { ScimRequestEntity } from './scim-request.entity.js';

const PAGE_SIZE = 50;

/** Returns one page of the tenant's requests. It never contains requests of other tenants (P4). */
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
  if (cursor !== undefined) query.andWhere('(r.at, r.id) < (:at, :id)', parseCursor(cursor));
  const found = await query.getMany();
  const page = found.slice(0, limit);
  const last = found.length > limit ? page.at(-1) : undefined;
  return { requests: page.map(view), nextCursor: last ? cursorOf(last) : null };
}

const view = ({ tenantId: _, leftOut, ...request }: ScimRequestEntity): ScimRequestView => ({
  ...request,
  leftOut: leftOut ?? [],
});

const cursorOf = ({ at, id }: ScimRequestEntity): string =>
  Buffer.from(`${at.toISOString()} ${id}`).toString('base64url');

function parseCursor(cursor: string): { at: string; id: string } {
  const text = Buffer.from(cursor, 'base64url').toString();
  const [, at, id] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([0-9a-f-]{36})$/.exec(text) ?? [];
  if (at !== undefined && id !== undefined) return { at, id };
  throw new Problem(
    'invalid_request',
    'The cursor is not valid. Pass the nextCursor of the previous page, or no cursor for the first page.',
    undefined,
    { cursor },
  );
}
