/** Builds the events about a user from the states before and after a change, not from the HTTP method. */
import type { NewEvent } from '#event-bus';
import type { DirectoryUser } from '#events';
import { changedAttributes, type UserResource } from '#scim';
import { directoryEvent, type Cause } from '../events.js';
import type { User } from './user.entity.js';

export type UserState = Pick<User, 'id' | 'tenantId' | 'version' | 'resource'>;

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
