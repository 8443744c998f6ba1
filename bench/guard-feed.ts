/**
 * Measures the delay of the guard's view: from the commit of an access event until the guard refuses a request because
 * of it.
 */
import { AccessGuard, busFeed } from '#access-guard';
import { followerGrantsSql } from '#event-bus';
import { createLogger, provisionDatabase } from '#platform';
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { accessData, appendAccess } from '../test/guard/feeds.js';
import { createTestDatabase } from '../test/support/database.js';

const EVENTS = 400;
const PAUSE_MS = 10;
const BACKLOG = 50_000;

export async function measureFollowing(say: (label: string, value: string) => void): Promise<void> {
  if (!process.env.TEST_DATABASE_URL) return say('feed', 'not measured, because TEST_DATABASE_URL is not set');
  const db = await createTestDatabase();
  const client = new Client({ connectionString: db.adminUrl });
  await client.connect();
  const password = randomBytes(16).toString('hex');
  await provisionDatabase(
    db.adminUrl,
    [{ role: 'bench_follower', schema: 'bench_follower', password }],
    followerGrantsSql('bench_follower'),
  );
  const url = new URL(db.adminUrl);
  url.username = 'bench_follower';
  url.password = password;
  const logger = createLogger('bench', 'warn');
  const tenantId = randomUUID();
  const guard = new AccessGuard({
    issuer: 'https://issuer.example',
    clientIds: ['bench'],
    audience: null,
    jwksUri: 'http://localhost:1/',
    feed: busFeed({ carrier: 'postgres', url: url.href }, { name: 'bench', logger }),
    logger: createLogger('bench', 'silent'),
  });
  try {
    const write = (accountId: string, sequence: number, status = 'active') => ({
      tenantId,
      accountId,
      sequence,
      data: accessData(accountId, { status }),
    });
    for (let i = 0; i < BACKLOG; i += 5_000)
      await appendAccess(
        client,
        Array.from({ length: 5_000 }, () => write(randomUUID(), 1)),
      );
    await client.query('analyze bus.event_log');
    const began = performance.now();
    guard.start();
    await everyTurnUntil(() => guard.freshness().state === 'live');
    const bootstrap = performance.now() - began;
    say(
      `feed: bootstrap from ${BACKLOG.toLocaleString('en')} events`,
      `${bootstrap.toFixed(0)} ms, ${Math.round((BACKLOG / bootstrap) * 1000).toLocaleString('en')} events/s`,
    );
    const delays: number[] = [];
    for (let i = 0; i < EVENTS; i++) {
      const accountId = randomUUID();
      await appendAccess(client, [write(accountId, 1, 'inactive')]);
      const committed = performance.now();
      await everyTurnUntil(() => guard.view.get(accountId) !== undefined);
      delays.push(performance.now() - committed);
      await sleep(PAUSE_MS);
    }
    delays.sort((a, b) => a - b);
    const at = (q: number) =>
      `${(delays[Math.min(delays.length - 1, Math.floor(delays.length * q))] ?? 0).toFixed(1)} ms`;
    say(
      `feed: commit -> in the view (${EVENTS} events, Postgres carrier)`,
      `p50 ${at(0.5)}, p99 ${at(0.99)}, worst ${at(1)} (goal: p99 50 ms)`,
    );
  } finally {
    await guard.close();
    await client.end();
    await db.drop();
  }
}

/** Checks on every turn of the event loop, because a pause between two checks would add to the measured delay. */
async function everyTurnUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
