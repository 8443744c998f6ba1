import { shortType } from '#event-bus';
import type { EventEnvelope } from '#events';

export interface Cause {
  /** e.g. `user.deactivated`, `okta.suspended` */
  readonly type: string;
  readonly causationId: string;
  readonly pushedAt: Date;
}

const UUID_V7 = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
/** Longest time from the arrival of a request to its change. A causation id with an earlier time is not used. */
const LONGEST_REQUEST_MS = 5 * 60_000;

/**
 * Returns the time at which the request arrived, if the causation id is a UUIDv7, which contains that time (RFC 9562,
 * 5.7). Otherwise returns the time of the change.
 */
export function pushedAt({ causationid, time }: Pick<EventEnvelope, 'causationid' | 'time'>): Date {
  const changedAt = Date.parse(time);
  const match = UUID_V7.exec(causationid);
  const requestedAt = match ? Number.parseInt(`${match[1]}${match[2]}`, 16) : Number.NaN;
  const credible = requestedAt <= changedAt && changedAt - requestedAt <= LONGEST_REQUEST_MS;
  return new Date(credible ? requestedAt : changedAt);
}

export const causeOf = (event: EventEnvelope, type = shortType(event)): Cause => ({
  type,
  causationId: event.causationid,
  pushedAt: pushedAt(event),
});
