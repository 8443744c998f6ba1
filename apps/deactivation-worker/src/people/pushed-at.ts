/** When the identity provider's request arrived. Pure. */
import type { EventEnvelope } from '#events';

const UUID_V7 = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
/** A request that took longer is none; the id came from somewhere else then. */
const LONGEST_REQUEST_MS = 5 * 60_000;

/** A request id that is a UUIDv7 carries its time (RFC 9562, 5.7); any other says nothing: then the time of the change. */
export function pushedAt({ causationid, time }: Pick<EventEnvelope, 'causationid' | 'time'>): Date {
  const changedAt = Date.parse(time);
  const match = UUID_V7.exec(causationid);
  const requestedAt = match ? Number.parseInt(`${match[1]}${match[2]}`, 16) : Number.NaN;
  const credible = requestedAt <= changedAt && changedAt - requestedAt <= LONGEST_REQUEST_MS;
  return new Date(credible ? requestedAt : changedAt);
}
