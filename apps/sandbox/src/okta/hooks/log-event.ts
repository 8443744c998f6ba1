/** System Log events, as Okta's event hooks send them. */
import { randomUUID } from 'node:crypto';
import { displayName, type OktaApp, type Person } from '../model.js';

/** The event types that the sandbox's verbs cause. Okta has several hundred more. */
export const eventTypes = [
  'user.lifecycle.create',
  'user.lifecycle.activate',
  'user.lifecycle.deactivate',
  'user.lifecycle.suspend',
  'user.lifecycle.unsuspend',
  'user.lifecycle.delete.initiated',
  'user.account.update_profile',
  'application.user_membership.add',
  'application.user_membership.remove',
] as const;
export type EventType = (typeof eventTypes)[number];

export interface LogEvent {
  readonly uuid: string;
  readonly published: string;
  readonly eventType: string;
  readonly [attribute: string]: unknown;
}

type Subject = Pick<Person, 'id' | 'login' | 'profile'>;

/**
 * Builds an event. Its time, `published`, shows the true order, because deliveries may arrive late and out of order.
 */
export function logEvent(eventType: string, person: Subject, app: OktaApp, at: Date): LogEvent {
  const user = { id: person.id, type: 'User', alternateId: person.login, displayName: displayName(person) };
  const instance = { id: app.appId, type: 'AppInstance', alternateId: 'StackFlow', displayName: 'StackFlow' };
  const appUser = { ...user, id: `0ua${person.id.slice(3)}`, type: 'AppUser' };
  return {
    uuid: randomUUID(),
    published: at.toISOString(),
    eventType,
    version: '0',
    displayMessage: eventType,
    severity: 'INFO',
    client: null,
    device: null,
    actor: { id: 'sandbox-admin', type: 'User', alternateId: 'admin@example.com', displayName: 'Sandbox Admin' },
    outcome: { result: 'SUCCESS', reason: null },
    target: eventType.startsWith('application.') ? [appUser, instance, user] : [user],
    transaction: { type: 'WEB', id: randomUUID(), detail: {} },
    debugContext: { debugData: {} },
    legacyEventType: null,
    authenticationContext: null,
    securityContext: null,
    insertionTimestamp: null,
  };
}

/** The body of one delivery. Copies of a delivery contain the same `eventId`. */
export const hookBody = (hookId: string, events: readonly LogEvent[], at: Date) => ({
  eventType: 'com.okta.event_hook',
  eventTypeVersion: '1.0',
  cloudEventsVersion: '0.1',
  source: `https://sandbox.okta.example/api/v1/eventHooks/${hookId}`,
  eventId: randomUUID(),
  eventTime: at.toISOString(),
  contentType: 'application/json',
  data: { events },
});
export type HookBody = ReturnType<typeof hookBody>;
