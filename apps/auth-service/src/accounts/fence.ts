/** Tokens that are worth giving out: the guard of every service refuses those of the fence's own second and before. */
import { decodeJwt } from 'jose';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFenced } from '#access-guard';

/** A fence is ahead of us by a second or two when it was just set, and by more only where a clock is wrong. */
const LONGEST_MS = 3_000;
/** Timers end a little early, and Cognito's clock is another one. */
const MARGIN_MS = 50;

/** Cognito stamps whole seconds: resolves when its next token is past the fence, as far as our clock can tell. */
export async function pastFence(notBefore: Date | null, now = Date.now()): Promise<void> {
  if (notBefore === null) return;
  const wait = (Math.floor(notBefore.getTime() / 1000) + 1) * 1000 + MARGIN_MS - now;
  if (wait > 0 && wait <= LONGEST_MS) await sleep(wait);
}

/** Read without verification: it came from Cognito itself a moment ago. */
export const isBehindFence = (accessToken: string, notBefore: Date | null): boolean =>
  isFenced(decodeJwt(accessToken).iat ?? 0, notBefore?.getTime() ?? null);
