/** Okta's Management API (`/api/v1/*`) for clients that only read. A token gives access to one org only. */
import type { FastifyInstance } from 'fastify';
import { isDatabaseOutage, type Logger } from '#platform';
import { apiCall, type Answer, type Asked, type Management, type Page } from './api-call.js';
import { ApiError } from './api-error.js';
import * as directory from './directory.sql.js';
import { cursorAfter, pageOf, statusFilter, type Limits } from './paging.js';
import * as shapes from './shapes.js';

const USERS: Limits = { default: 200, max: 200 };
const APP_USERS: Limits = { default: 50, max: 500 };
const GROUPS: Limits = { default: 10_000, max: 10_000 };
const GROUP_USERS: Limits = { default: 1_000, max: 1_000 };

export function managementApi(api: FastifyInstance, management: Management, logger: Logger): void {
  const { database } = management;
  const route = (operation: string, path: string, handler: (asked: Asked) => Promise<Answer>) =>
    api.get(path, (request, reply) => apiCall(management, operation, request, reply, handler));

  route('getOrg', '/org', async ({ caller }) => ({ one: shapes.orgShape(caller) }));
  route('getMe', '/users/me', async ({ caller, base }) => ({ one: shapes.ownerShape(caller, base) }));
  route('getUser', '/users/:id', async ({ caller, id, base }) => {
    const row = await directory.findUser(database, caller.slug, id);
    if (!row) throw new ApiError('E0000007', `${id} (User)`);
    return { one: shapes.userShape(row, base) };
  });
  route('listUsers', '/users', ({ caller, query, base }) =>
    paged(
      pageOf(query, USERS),
      (page) => directory.listUsers(database, caller.slug, statusFilter(query.filter), page),
      (row) => shapes.userShape(row, base),
    ),
  );
  route('listAppUsers', '/apps/:id/users', async ({ caller, id, query, base }) => {
    if (id !== caller.appId) throw new ApiError('E0000007', `${id} (AppInstance)`);
    return paged(
      pageOf(query, APP_USERS),
      (page) => directory.listAppUsers(database, caller.slug, page),
      (row) => shapes.appUserShape(row, id, base),
    );
  });
  route('getAppUser', '/apps/:id/users/:inner', async ({ caller, id, inner, base }) => {
    const row = id === caller.appId ? await directory.findAppUser(database, caller.slug, inner) : undefined;
    if (!row) throw new ApiError('E0000007', `${inner} (AppUser)`);
    return { one: shapes.appUserShape(row, id, base) };
  });
  route('listGroups', '/groups', ({ caller, query, base }) =>
    paged(
      pageOf(query, GROUPS),
      (page) => directory.listGroups(database, caller.slug, page),
      (row) => shapes.groupShape(row, base),
    ),
  );
  route('listGroupUsers', '/groups/:id/users', async ({ caller, id, query, base }) => {
    const group = await directory.findGroup(database, caller.slug, id);
    if (!group) throw new ApiError('E0000007', `${id} (UserGroup)`);
    return paged(
      pageOf(query, GROUP_USERS),
      (page) => directory.listGroupUsers(database, group.id, page),
      (row) => shapes.userShape(row, base),
    );
  });
  oktaErrors(api, logger);
}

function oktaErrors(api: FastifyInstance, logger: Logger): void {
  api.setNotFoundHandler((request) => {
    throw request.method === 'GET' ? new ApiError('E0000007', request.url) : new ApiError('E0000022');
  });
  api.setErrorHandler((error, _request, reply) => {
    const known = error instanceof ApiError ? error : new ApiError('E0000009');
    if (known !== error && !isDatabaseOutage(error)) logger.error({ err: error }, 'sandbox Okta operation failed');
    return reply.status(known.status).send(known.body);
  });
}

/** Reads one page. It reads one row more than requested, to know whether there is a next page. */
async function paged<R extends { readonly id: string }>(
  { after, limit }: directory.PageOf,
  read: (page: directory.PageOf) => Promise<R[]>,
  shape: (row: R) => object,
): Promise<Page> {
  const rows = await read({ after, limit: limit + 1 });
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items: items.map(shape), next: rows.length > limit && last ? cursorAfter(last.id) : null };
}
