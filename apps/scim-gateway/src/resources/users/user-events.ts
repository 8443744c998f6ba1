/** Builds the events about a user from the states before and after a change, not from the HTTP method. */
import type { NewEvent } from '#event-bus';
import type { DirectoryUser } from '#events';
import { changedAttributes, type UserResource } from '#scim';
import { directoryEvent, type Cause } from '../events.js';
import type { User } from './user.entity.js';

export type UserState = Pick<User, 'id' | 'tenantId' | 'version' | 'accessVersion' | 'resource'>;

/** Returns the primary e-mail address, or the first address with a value if none is primary. */
export function emailOf({ emails = [] }: UserResource): string | null {
  const usable = emails.filter((email) => email.value !== undefined && email.value !== '');
  return (usable.find((email) => email.primary === true) ?? usable[0])?.value ?? null;
}

export const directoryUser = ({ id, resource }: UserState): DirectoryUser => ({
  id,
  userName: resource.userName,
  externalId: resource.externalId ?? null,
  active: resource.active === true,
  displayName: resource.displayName ?? null,
  name: { givenName: resource.name?.givenName ?? null, familyName: resource.name?.familyName ?? null },
  email: emailOf(resource),
});

export const createdEvent = (user: UserState, cause: Cause): NewEvent =>
  directoryEvent(
    'com.stackflow.directory.user.created.v2',
    { ...user, version: 1 },
    { user: directoryUser(user) },
    cause,
  );

/** Builds the event of a deletion, which also ends all memberships. `user` must be the final state: inactive. */
export const deletedEvent = (user: UserState, cause: Cause): NewEvent =>
  directoryEvent('com.stackflow.directory.user.deleted.v2', user, { user: directoryUser(user) }, cause);

/**
 * Builds `updated` if attributes changed, then `deactivated` or `reactivated`. Each event has its own sequence number,
 * and both carry the state after the whole change.
 */
export function changeEvents(before: UserState, after: UserResource, cause: Cause): NewEvent[] {
  const changed = changedAttributes(before.resource, after).filter((name) => name !== 'active');
  const user = directoryUser({ ...before, resource: after });
  const events: NewEvent[] = [];
  const next = () => ({ ...before, version: before.version + events.length + 1 });
  if (changed.length > 0)
    events.push(directoryEvent('com.stackflow.directory.user.updated.v2', next(), { user, changed }, cause));
  if (before.resource.active !== after.active) {
    const name = after.active === true ? 'reactivated' : 'deactivated';
    events.push(directoryEvent(`com.stackflow.directory.user.${name}.v2`, next(), { user }, cause));
  }
  return events;
}

/**
 * Builds the event about a user's access. `user` must be the final state. The event of a deletion names nobody, because the
 * topic keeps the last event of each user for ever.
 */
export const accessEvent = (user: UserState, deleted: boolean, cause: Cause): NewEvent => {
  const { id, userName, externalId, displayName, active } = directoryUser(user);
  const state = deleted
    ? { id, userName: '', externalId: null, displayName: null, active: false, deleted }
    : { id, userName, externalId, displayName, active, deleted };
  const at = { ...user, version: user.accessVersion };
  return directoryEvent('com.stackflow.directory.access.changed.v1', at, { user: state }, cause);
};

/**
 * Returns whether a change concerns the user's access: whether they are active, or an identifier by which signals of
 * the identity provider find them.
 */
export const changesAccess = (before: UserResource, after: UserResource): boolean =>
  before.active !== after.active || before.userName !== after.userName || before.externalId !== after.externalId;
