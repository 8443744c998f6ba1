/**
 * Parses and authenticates deliveries of Okta's event hooks. Only the secret in a header authenticates a delivery, and
 * deliveries arrive at least once, in any order. An event is therefore never trusted as a fact; it only causes a
 * request to Okta.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { isOktaId } from './address.js';

export interface OktaHookEvent {
  /**
   * Okta's uuid of the event. A repeated delivery contains the same uuid. An event about several users has one entry
   * per user, all with the same uuid.
   */
  readonly id: string;
  /** Okta's type of the event, e.g. `user.lifecycle.suspend`. */
  readonly type: string;
  /** Time of the event, ISO 8601 in UTC. Events may arrive in another order. */
  readonly published: string;
  readonly userId: string;
  /** Ids of the apps that the event names. An event about an assignment names the app; other events name none. */
  readonly appIds: readonly string[];
}

/** Limit of entries from one delivery, far above what Okta sends. Each entry may cause a request to Okta. */
export const MAX_HOOK_EVENTS = 500;
const MAX_TARGETS = 50;

const list = z.unknown().transform((value): unknown[] => (Array.isArray(value) ? (value as unknown[]) : []));
const delivery = z.object({ data: z.object({ events: list }) });
const event = z.object({
  uuid: z.string().min(1).max(100),
  eventType: z.string().regex(/^[a-z][a-z0-9_.]{0,199}$/),
  published: z.iso.datetime({ offset: true }),
  target: list,
});
const oktaTarget = z.object({ type: z.enum(['User', 'AppInstance']), id: z.string().refine(isOktaId) });

/** Returns the events about users. Everything else in the body is ignored, so an invalid body contains no events. */
export function hookEvents(body: unknown): OktaHookEvent[] {
  const parsed = delivery.safeParse(body);
  if (!parsed.success) return [];
  return parsed.data.data.events
    .slice(0, MAX_HOOK_EVENTS)
    .flatMap((item) => aboutUsers(item))
    .slice(0, MAX_HOOK_EVENTS);
}

function aboutUsers(item: unknown): OktaHookEvent[] {
  const parsed = event.safeParse(item);
  if (!parsed.success) return [];
  const { uuid: id, eventType: type, target } = parsed.data;
  const published = new Date(parsed.data.published).toISOString();
  const targets = target.slice(0, MAX_TARGETS).flatMap((t) => oktaTarget.safeParse(t).data ?? []);
  const idsOf = (kind: 'User' | 'AppInstance') => [...new Set(targets.flatMap((t) => (t.type === kind ? t.id : [])))];
  const appIds = idsOf('AppInstance');
  return idsOf('User').map((userId) => ({ id, type, published, userId, appIds }));
}

/**
 * Compares hashes of the `Authorization` header and the secret, because a comparison in constant time needs values of
 * equal length. Without a configured secret every delivery is refused.
 */
export function verifyHookSecret(header: unknown, secret: string): boolean {
  if (typeof header !== 'string' || secret === '') return false;
  return timingSafeEqual(sha256(header), sha256(secret));
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
