/**
 * Shows an offboarding as an internal service sees it. This forked process runs a guard that follows `identity.access`.
 * It has an earlier access token of each account, and records the time at which the guard refuses each token.
 */
import { AccessDenied, AccessGuard, busFeed } from '#access-guard';
import type { FollowSource } from '#event-bus';
import { createLogger } from '#platform';
import { Issuer } from '../test/guard/issuer.js';
import { until } from '../test/support/waiting.js';

export interface FollowJob {
  readonly kind: 'follow';
  readonly carrier: 'postgres' | 'kafka';
  /** URL of the database with a role that may read `bus.event_log`. */
  readonly databaseUrl: string;
  readonly brokers?: string;
}

/** A job that creates a token of each account and ends when all tokens are accepted. */
export interface KnowJob {
  readonly kind: 'know';
  readonly accounts: readonly string[];
}

/** A job that ends when all tokens are refused. It returns the times in milliseconds since the epoch. */
export interface WatchJob {
  readonly kind: 'watch';
  readonly limitMs: number;
}

/**
 * Interval of checks. It adds half of itself to our result. A shorter interval would take CPU time from the services,
 * which share the cores with this process.
 */
const LOOK_EVERY_MS = 10;
/** Number of accounts per check: five seconds of pushes, which arrive in the order of the accounts. */
const AHEAD = 100;
const logger = createLogger('token-watch', 'error');
const tokens = new Map<string, string>();
let issuer: Issuer;
let guard: AccessGuard;

async function follow({ carrier, databaseUrl, brokers }: FollowJob): Promise<string> {
  issuer = await Issuer.start();
  const source: FollowSource =
    carrier === 'postgres' ? { carrier, url: databaseUrl } : { carrier, brokers: [brokers ?? ''] };
  guard = new AccessGuard({
    issuer: issuer.issuer,
    jwksUri: issuer.jwksUri,
    clientIds: [issuer.clientId],
    audience: null,
    feed: busFeed(source, { name: 'bench-token-watch', logger }),
    logger,
  });
  guard.start();
  await until('the guard follows', () => guard.freshness().state === 'live', 30_000);
  return 'following';
}

async function know({ accounts }: KnowJob): Promise<string> {
  tokens.clear();
  for (const account of accounts) tokens.set(account, `Bearer ${issuer.accessToken(account)}`);
  for (const account of accounts)
    await until(`${account} has access`, async () => (await refusal(account)) === null, 60_000, LOOK_EVERY_MS);
  return 'known';
}

/** Waits for all refusals. Reads the view first, which costs nothing, but counts only the guard's own answer. */
async function watch({ limitMs }: WatchJob): Promise<Record<string, number>> {
  const refusedAt: Record<string, number> = {};
  const open = new Set(tokens.keys());
  const allRefused = async (): Promise<boolean> => {
    let looked = 0;
    for (const account of open) {
      if (looked++ === AHEAD) break;
      if (guard.view.get(account)?.status === 'active' || (await refusal(account)) === null) continue;
      refusedAt[account] = performance.timeOrigin + performance.now();
      open.delete(account);
    }
    return open.size === 0;
  };
  await until('every token is refused', allRefused, limitMs, LOOK_EVERY_MS);
  return refusedAt;
}

async function refusal(account: string): Promise<string | null> {
  try {
    await guard.authorize(tokens.get(account));
    return null;
  } catch (error) {
    if (error instanceof AccessDenied) return error.reason;
    throw error;
  }
}

process.on('message', (job: FollowJob | KnowJob | WatchJob) => {
  const result = job.kind === 'follow' ? follow(job) : job.kind === 'know' ? know(job) : watch(job);
  result.then(
    (value) => process.send?.({ value }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
