/**
 * Okta's rate limits as its answers tell them: so many requests of one endpoint until an instant, shared with every
 * other client of the customer's org. Pure.
 */

export interface RateState {
  readonly limit: number;
  readonly remaining: number;
  /** Our clock, milliseconds: when the window ends. */
  readonly until: number;
}

/** Bulk work leaves this part to others: to the customer's own tools, and to our urgent questions. */
const RESERVE = 0.2;
/** A 429 about concurrency has Limit = Remaining = 0, and its Reset says nothing; neither does one without headers. */
const UNKNOWN_WAIT_MS = 1_000;
/** Timers may fire a little early. */
const MARGIN_MS = 100;

/** The window's end is counted from Okta's own clock (`Date`), so that ours may be wrong. Null = the answer tells none. */
export function readRate(headers: Headers, status: number, now: number): RateState | null {
  const limit = count(headers.get('x-rate-limit-limit'));
  const remaining = count(headers.get('x-rate-limit-remaining'));
  const reset = count(headers.get('x-rate-limit-reset'));
  const told = limit !== null && limit > 0 && remaining !== null && reset !== null;
  if (!told) return status === 429 ? { limit: 0, remaining: 0, until: now + UNKNOWN_WAIT_MS } : null;
  const date = Date.parse(headers.get('date') ?? '');
  const wait = Math.max(0, reset * 1000 - (Number.isNaN(date) ? now : date)) + MARGIN_MS;
  return { limit, remaining: status === 429 ? 0 : remaining, until: now + wait };
}

/** Milliseconds to wait before the next request. Bulk work stops at the reserve, urgent work at zero. */
export function waitMs(state: RateState | undefined, bulk: boolean, now: number): number {
  if (!state || now >= state.until) return 0;
  const enough = bulk ? state.remaining >= state.limit * RESERVE && state.remaining > 0 : state.remaining > 0;
  return enough ? 0 : state.until - now;
}

const count = (text: string | null): number | null => (text !== null && /^\d{1,12}$/.test(text) ? Number(text) : null);
