/**
 * Measures the cost of the access guard on one core, and compares it with the machine's limit: the bare RSA-2048 check.
 * For comparable numbers, pin it to a core, e.g. `taskset -c 0 node dist/bench/guard.js`. With TEST_DATABASE_URL it
 * also measures the delay of the guard's view.
 */
import { AccessGuard, AccessView } from '#access-guard';
import { createLogger } from '#platform';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { randomUUID, verify } from 'node:crypto';
import { ManualFeed } from '../test/guard/feeds.js';
import { Issuer } from '../test/guard/issuer.js';
import { measureFollowing } from './guard-feed.js';

const TOKENS = 4_000;
const ACCOUNTS = 1_000_000;
/** Number of rounds. Only the best round counts, because interference can only slow a round down. */
const ROUNDS = 7;

const say = (label: string, value: string): void => console.log(`${label.padEnd(58)}${value}`);
const perSecond = (rate: number): string => `${Math.round(rate).toLocaleString('en')}/s`;

/**
 * Measures calls per second of this process's CPU time. On an idle core, CPU time equals wall time. On a shared core,
 * the result is steady.
 */
async function rate(count: number, work: (i: number) => unknown): Promise<number> {
  const began = process.cpuUsage();
  for (let i = 0; i < count; i++) await work(i);
  const { user, system } = process.cpuUsage(began);
  return (count / (user + system)) * 1e6;
}

/** Creates a new header string for each request, as in reality: without a cached hash, without a shared pointer. */
const asReceived = (bytes: readonly Buffer[]): string[] => bytes.map((b) => b.toString('latin1'));

async function main(): Promise<void> {
  const issuer = await Issuer.start();
  const feed = new ManualFeed();
  const tenant = randomUUID();
  const newGuard = () => {
    const guard = new AccessGuard({
      issuer: issuer.issuer,
      jwksUri: issuer.jwksUri,
      clientIds: [issuer.clientId],
      audience: null,
      feed,
      cachedTokens: 2 * TOKENS,
      policy: { stale: { afterMs: 600_000 } },
      logger: createLogger('bench', 'silent'),
    });
    guard.start();
    return guard;
  };
  const accounts = Array.from({ length: TOKENS }, () => randomUUID());
  const received = accounts.map((id) => Buffer.from(`Bearer ${issuer.accessToken(id)}`));
  const known = (guard: AccessGuard) => {
    accounts.forEach((id) => feed.change(id, tenant, 1));
    return guard;
  };

  const token = (received[0] ?? Buffer.alloc(0)).toString().slice(7);
  const input = Buffer.from(token.slice(0, token.lastIndexOf('.')));
  const signature = Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url');
  const jwks = createRemoteJWKSet(new URL(issuer.jwksUri));
  const best = { bare: 0, fresh: 0, seen: 0, jose: 0 };
  const keep = (what: keyof typeof best, value: number) => (best[what] = Math.max(best[what], value));
  for (let round = 0; round < ROUNDS; round++) {
    await new Promise((resolve) => setImmediate(resolve)); // lets timers run, which are late after the loop was blocked
    keep('bare', await rate(TOKENS, () => verify('RSA-SHA256', input, issuer.key.publicKey, signature)));
    const guard = known(newGuard());
    const headers = asReceived(received);
    await guard.authorize(headers[0]); // the keys are fetched once per process, not per token
    keep('fresh', await rate(TOKENS - 1, (i) => guard.authorize(headers[i + 1])));
    const again = asReceived(received);
    keep('seen', await rate(TOKENS, (i) => guard.authorize(again[i])));
    const tokens = asReceived(received).map((h) => h.slice(7));
    keep(
      'jose',
      await rate(TOKENS / 4, (i) => jwtVerify(tokens[i] ?? '', jwks, { issuer: issuer.issuer, algorithms: ['RS256'] })),
    );
  }
  const { bare, fresh, seen, jose } = best;
  say('bare crypto.verify, RSA-2048', perSecond(bare));
  say('guard, tokens never seen before', `${perSecond(fresh)}   ${(fresh / bare).toFixed(2)} x bare (goal: 0.5)`);
  say(
    'guard, tokens seen before',
    `${perSecond(seen)}   ${(seen / bare).toFixed(1)} x bare, ${(seen / fresh).toFixed(1)} x never seen (goal: 10)`,
  );
  say('peer: jose jwtVerify + createRemoteJWKSet (no view)', `${perSecond(jose)}   ${(jose / bare).toFixed(2)} x bare`);

  measureMemory();
  await issuer.close();
  await measureFollowing(say);
}

function measureMemory(): void {
  globalThis.gc?.();
  const before = process.memoryUsage();
  const view = new AccessView();
  const tenants = Array.from({ length: 50 }, () => randomUUID());
  const roles = [['viewer'], ['itsm_agent'], ['itsm_manager', 'itsm_agent'], ['super_admin']];
  const began = performance.now();
  for (let i = 0; i < ACCOUNTS; i++)
    view.apply({
      accountId: randomUUID(),
      tenantId: tenants[i % 50] ?? '',
      status: 'active',
      roles: roles[i % 4] ?? [],
      notBefore: i % 10 === 0 ? Date.now() : null,
      version: 1,
    });
  const took = performance.now() - began;
  globalThis.gc?.();
  const after = process.memoryUsage();
  const used = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  say(
    `${ACCOUNTS.toLocaleString('en')} accounts in the view`,
    `${(used / 1e6).toFixed(0)} MB (tables ${(view.bytes / 1e6).toFixed(0)} MB; goal: 200), resident +${((after.rss - before.rss) / 1e6).toFixed(0)} MB, ${perSecond((ACCOUNTS / took) * 1000)}`,
  );
}

await main();
