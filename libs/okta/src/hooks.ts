/**
 * What Okta's event hooks deliver. The secret in a header is all that authenticates a delivery, deliveries come at least
 * once and in any order: an event is a hint to ask Okta, never a fact (Okta, event hooks). Pure.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { isOktaId } from './address.js';

export interface OktaHookEvent {
  /** The event's uuid; a repetition carries the same one. An event about several users gives one entry for each. */
  readonly id: string;
  /** E.g. `user.lifecycle.suspend`. */
  readonly type: string;
  /** When it happened, ISO 8601 in UTC; the order of arrival says nothing. */
  readonly published: string;
  readonly userId: string;
}

/** Far beyond what Okta puts into one delivery: each entry may cost its receiver a question to Okta. */
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
const userTarget = z.object({ type: z.literal('User'), id: z.string().refine(isOktaId) });

/** The events about users; whatever else stands in the body is passed over, and garbage has none. */
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
  const users = target.slice(0, MAX_TARGETS).flatMap((t) => userTarget.safeParse(t).data?.id ?? []);
  return [...new Set(users)].map((userId) => ({ id, type, published, userId }));
}

/**
 * Compares the whole `Authorization` header with the secret in constant time. Hashes first, because their lengths are
 * equal whatever was sent. No secret configured means that nobody is let in.
 */
export function verifyHookSecret(header: unknown, secret: string): boolean {
  if (typeof header !== 'string' || secret === '') return false;
  return timingSafeEqual(sha256(header), sha256(secret));
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
