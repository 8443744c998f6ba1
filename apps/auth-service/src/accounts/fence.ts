/** Every service refuses access tokens issued before the end of the fence's second, so none of these is handed out. */
import { decodeJwt } from 'jose';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFenced } from '#access-guard';

/** A new fence lies at most a second or two ahead. More means that a clock is wrong, and waiting would not help. */
const LONGEST_MS = 3_000;
/** Timers may fire early, and Cognito has a clock of its own. */
const MARGIN_MS = 50;

/** Cognito stamps whole seconds. Resolves when its next token is past the fence, as far as our clock can tell. */
export async function waitPastFence(notBefore: Date | null): Promise<void> {
  if (notBefore === null) return;
  const wait = (Math.floor(notBefore.getTime() / 1000) + 1) * 1000 + MARGIN_MS - Date.now();
  if (wait > 0 && wait <= LONGEST_MS) await sleep(wait);
}

/** Decodes without verifying: Cognito itself returned the token a moment ago. */
export const isBehindFence = (accessToken: string, notBefore: Date | null): boolean =>
  isFenced(decodeJwt(accessToken).iat ?? 0, notBefore?.getTime() ?? null);
