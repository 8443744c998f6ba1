/**
 * Ensures that auth-service never returns an access token that the fence makes invalid. Every service refuses an access
 * token that was issued before the fence or in the same second.
 */
import { decodeJwt } from 'jose';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFenced } from '#access-guard';

/**
 * A new fence is at most two seconds in the future. If it is further away, a clock is wrong, and waiting would not
 * help.
 */
const LONGEST_MS = 3_000;
/** Milliseconds added to each wait, because timers may fire early, and Cognito's clock may differ from ours. */
const MARGIN_MS = 50;

/**
 * Waits until the second of the fence is over, because `iat` has only whole seconds. The next token of Cognito then has
 * an `iat` after the fence.
 */
export async function waitPastFence(notBefore: Date | null): Promise<void> {
  if (notBefore === null) return;
  const wait = (Math.floor(notBefore.getTime() / 1000) + 1) * 1000 + MARGIN_MS - Date.now();
  if (wait > 0 && wait <= LONGEST_MS) await sleep(wait);
}

/** Decodes the token without verifying it, because Cognito itself returned the token a moment ago. */
export const isBehindFence = (accessToken: string, notBefore: Date | null): boolean =>
  isFenced(decodeJwt(accessToken).iat ?? 0, notBefore?.getTime() ?? null);
