/** The resources of Okta's Management API. */
import { orgIdOf } from '../model.js';
import type { Caller } from './api-tokens.js';
import type { AppUserRow, GroupRow, UserRow } from './directory.sql.js';

const profileOf = (row: UserRow): object => ({
  firstName: row.profile.firstName ?? null,
  lastName: row.profile.lastName ?? null,
  mobilePhone: null,
  secondEmail: null,
  ...row.profile,
  login: row.login,
  email: row.profile.email ?? row.login,
});

export const userShape = (row: UserRow, base: string): object => ({
  id: row.id,
  status: row.status,
  created: row.created_at.toISOString(),
  activated: row.created_at.toISOString(),
  statusChanged: row.status_changed_at.toISOString(),
  lastLogin: null,
  lastUpdated: row.updated_at.toISOString(),
  passwordChanged: null,
  type: { id: 'oty0000000000000000a' },
  profile: profileOf(row),
  credentials: { provider: { type: 'OKTA', name: 'OKTA' } },
  _links: { self: { href: `${base}/api/v1/users/${row.id}` } },
});

/** The administrator who owns the token. They are not one of the org's people. */
export const ownerShape = (caller: Caller, base: string): object =>
  userShape(
    {
      id: caller.ownerId,
      login: `stackflow-integration@${caller.slug}.example`,
      profile: { firstName: 'StackFlow', lastName: 'Integration' },
      status: 'ACTIVE',
      created_at: caller.since,
      status_changed_at: caller.since,
      updated_at: caller.since,
    },
    base,
  );

/**
 * The status of an assignment to the app does not show whether the user is suspended. A client must read the status of
 * the user from `GET /api/v1/users`.
 */
export const appUserShape = (row: AppUserRow, appId: string, base: string): object => ({
  id: row.id,
  externalId: row.remote_id,
  created: row.created_at.toISOString(),
  lastUpdated: row.updated_at.toISOString(),
  scope: 'USER',
  status: row.remote_id === null ? 'STAGED' : 'PROVISIONED',
  statusChanged: row.changed_at.toISOString(),
  passwordChanged: null,
  syncState: row.remote_id === null ? 'ERROR' : 'SYNCHRONIZED',
  lastSync: row.remote_id === null ? null : row.changed_at.toISOString(),
  credentials: { userName: row.login },
  profile: profileOf(row),
  _links: {
    app: { href: `${base}/api/v1/apps/${appId}` },
    user: { href: `${base}/api/v1/users/${row.id}` },
  },
});

export const groupShape = (row: GroupRow, base: string): object => ({
  id: row.id,
  created: row.created_at.toISOString(),
  lastUpdated: row.created_at.toISOString(),
  lastMembershipUpdated: row.created_at.toISOString(),
  objectClass: ['okta:user_group'],
  type: 'OKTA_GROUP',
  profile: { name: row.name, description: null },
  _links: { users: { href: `${base}/api/v1/groups/${row.id}/users` } },
});

export const orgShape = (caller: Caller): object => ({
  id: orgIdOf(caller.appId),
  subdomain: caller.slug,
  companyName: caller.slug,
  status: 'ACTIVE',
  created: caller.since.toISOString(),
  expiresAt: null,
});
