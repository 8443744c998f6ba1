/** The events of a change of a user: from the difference of two states, never from the verb. Pure. */
import type { DirectoryUser } from '#events';
import type { NewEvent } from '#event-bus';
import { changedAttributes, type UserResource } from '#scim';

export interface UserState {
  readonly id: string;
  readonly tenantId: string;
  /** Sequence of the last event about the user. */
  readonly version: number;
  readonly resource: UserResource;
  /** Ids of the user's groups, sorted. */
  readonly groupIds: readonly string[];
}

export interface Cause {
  readonly requestId: string;
  readonly at: Date;
}

type UserEventType = Extract<NewEvent['type'], `com.stackflow.directory.user.${string}`>;

const type = <const N extends string>(name: N) => `com.stackflow.directory.user.${name}.v1` as const;

/** The primary e-mail, else the first one that has a value. */
export function emailOf({ emails = [] }: UserResource): string | null {
  const usable = emails.filter((email) => email.value !== undefined && email.value !== '');
  return (usable.find((email) => email.primary === true) ?? usable[0])?.value ?? null;
}

export const directoryUser = ({ id, resource, groupIds }: UserState): DirectoryUser => ({
  id,
  userName: resource.userName,
  externalId: resource.externalId ?? null,
  active: resource.active === true,
  displayName: resource.displayName ?? null,
  name: { givenName: resource.name?.givenName ?? null, familyName: resource.name?.familyName ?? null },
  email: emailOf(resource),
  groups: [...groupIds],
});

export function createdEvent(user: UserState, cause: Cause): NewEvent {
  return event('created', user, 1, { user: directoryUser(user) }, cause);
}

/** `user` is the final state: inactive, in no group. */
export function deletedEvent(user: UserState, cause: Cause): NewEvent {
  return event('deleted', user, user.version, { user: directoryUser(user) }, cause);
}

/**
 * `updated` for attributes, then `deactivated` or `reactivated`; each with a sequence of its own, both with the state
 * after the whole change. Empty if nothing differs.
 */
export function changeEvents(before: UserState, after: UserResource, cause: Cause): NewEvent[] {
  const changed = changedAttributes(before.resource, after).filter((name) => name !== 'active');
  const user = directoryUser({ ...before, resource: after });
  const events: NewEvent[] = [];
  const next = () => before.version + events.length + 1;
  if (changed.length > 0) events.push(event('updated', before, next(), { user, changed }, cause));
  if (before.resource.active !== after.active)
    events.push(event(after.active === true ? 'reactivated' : 'deactivated', before, next(), { user }, cause));
  return events;
}

function event(
  name: 'created' | 'updated' | 'deactivated' | 'reactivated' | 'deleted',
  { id, tenantId }: UserState,
  sequence: number,
  data: unknown,
  { requestId, at }: Cause,
): NewEvent {
  return {
    type: type(name) satisfies UserEventType,
    tenant: tenantId,
    subject: id,
    sequence,
    causationId: requestId,
    time: at,
    data: data as NewEvent['data'],
  };
}
