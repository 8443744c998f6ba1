import type { NewEvent } from '#event-bus';
import type { Access } from '#events';
import type { PersonEntity } from './person.entity.js';

/** `identity.access` events contain these columns of the person. */
export const PUBLISHED = ['publishedRoles', 'notBefore', 'accessVersion', 'causationId', 'traceparent'] as const;

export interface PublishedAccess extends Pick<PersonEntity, 'id' | 'tenant' | (typeof PUBLISHED)[number]> {
  readonly publishedStatus: Access['status'];
}

/** Set `urgent` if the event closes access or opens it again. A new person or a change of roles is not urgent. */
export const accessEvent = (person: PublishedAccess, urgent = false): NewEvent => ({
  type: 'com.stackflow.identity.access.changed.v1',
  tenant: person.tenant,
  subject: person.id,
  sequence: person.accessVersion,
  causationId: person.causationId,
  traceparent: person.traceparent,
  urgent,
  data: {
    account: person.id,
    status: person.publishedStatus,
    roles: person.publishedRoles,
    notBefore: person.notBefore?.toISOString() ?? null,
  },
});
