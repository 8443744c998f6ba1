/**
 * Okta's rate limits. A limit is the number of requests to one endpoint that are allowed in a window of time. All
 * clients of the customer's org share this number.
 */

export interface RateState {
  readonly limit: number;
  readonly remaining: number;
  /** End of the window by our clock, in milliseconds since 1970. */
  readonly until: number;
}

/** Share of the limit that requests for lists leave for the customer's own tools and for our urgent requests. */
const RESERVE = 0.2;
/**
 * Wait after a 429 without a usable limit. A 429 about concurrency has Limit = Remaining = 0 and a Reset without
 * meaning. Another 429 may have no headers at all.
 */
const UNKNOWN_WAIT_MS = 1_000;
/** Time added to every wait, because timers may fire a little early. */
const MARGIN_MS = 100;

/**
 * Returns null if the response contains no rate limit. The end of the window is computed from Okta's clock (`Date`), in
 * case our clock is wrong.
 */
export function readRate(headers: Headers, status: number, now: number): RateState | null {
  const limit = count(headers.get('x-rate-limit-limit'));
  const remaining = count(headers.get('x-rate-limit-remaining'));
  const reset = count(headers.get('x-rate-limit-reset'));
  const isKnown = limit !== null && limit > 0 && remaining !== null && reset !== null;
  if (!isKnown) return status === 429 ? { limit: 0, remaining: 0, until: now + UNKNOWN_WAIT_MS } : null;
  const date = Date.parse(headers.get('date') ?? '');
  const wait = Math.max(0, reset * 1000 - (Number.isNaN(date) ? now : date)) + MARGIN_MS;
  return { limit, remaining: status === 429 ? 0 : remaining, until: now + wait };
}

/**
 * Returns the milliseconds to wait before the next request. Requests for lists (`bulk`) stop at the reserve, all others
 * at zero.
 */
export function waitMs(state: RateState | undefined, bulk: boolean, now: number): number {
  if (!state || now >= state.until) return 0;
  const enough = bulk ? state.remaining >= state.limit * RESERVE && state.remaining > 0 : state.remaining > 0;
  return enough ? 0 : state.until - now;
}

const count = (text: string | null): number | null => (text !== null && /^\d{1,12}$/.test(text) ? Number(text) : null);
