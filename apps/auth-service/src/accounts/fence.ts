/**
 * Ensures that auth-service returns no access token that the fence makes invalid. Every service refuses tokens issued
 * before the end of the fence's second.
 */
import { decodeJwt } from 'jose';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFenced } from '#access-guard';

/**
 * A new fence lies at most two seconds in the future. A larger distance means that a clock is wrong, and waiting would
 * not help.
 */
const LONGEST_MS = 3_000;
/** Timers may fire early, and Cognito's clock may differ from ours. */
const MARGIN_MS = 50;

/**
 * Resolves when Cognito's next token is issued after the fence, as far as our clock can tell. Cognito issues tokens
 * with whole seconds.
 */
export async function waitPastFence(notBefore: Date | null): Promise<void> {
  if (notBefore === null) return;
  const wait = (Math.floor(notBefore.getTime() / 1000) + 1) * 1000 + MARGIN_MS - Date.now();
  if (wait > 0 && wait <= LONGEST_MS) await sleep(wait);
}

/** Decodes the token without verifying it, because Cognito itself returned the token a moment ago. */
export const isBehindFence = (accessToken: string, notBefore: Date | null): boolean =>
  isFenced(decodeJwt(accessToken).iat ?? 0, notBefore?.getTime() ?? null);
