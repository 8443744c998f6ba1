/**
 * The whole way: pushes into the gateway while identity-service brings them to Cognito (the sandbox, its quotas raised
 * out of the way). Everything shares one machine, the stand-in for Cognito included, so the rate at which the pipeline
 * drains is a lower bound for ours.
 */
import { eventually, sleep } from '../../tools/local/process.js';
import type { Target } from '../connection.js';
import type { ClosedResult, OpenResult, Push } from '../generator.js';
import type { Program } from '../program.js';
import type { Stack } from '../stack.js';
import { spread, type Spread } from '../statistics.js';

const DRAIN_LIMIT_MS = 180_000;
/** Okta itself keeps few requests under way. */
const CONNECTIONS = 16;

interface AccountCounts {
  readonly accounts: number;
  readonly synced: number;
}

export interface PipelineResult {
  readonly pushed: number;
  readonly createsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Accounts that Cognito showed when the last push was answered. */
  readonly syncedAtEnd: number;
  readonly drainedPerSecond: number;
  readonly seconds: number;
}

const counts = async (stack: Stack): Promise<AccountCounts> => {
  const [row] = await stack.sql<AccountCounts>(
    'stackflow',
    `select count(*)::int as accounts, (count(*) filter (where desired_revision = applied_revision and provisioned_at is not null))::int as synced from identity.account`,
  );
  return row ?? { accounts: 0, synced: 0 };
};

/** Pushes `people` as fast as they are taken, and waits until Cognito shows them all. */
export async function measurePipeline(
  stack: Stack,
  target: Target,
  generator: Program,
  people: number,
): Promise<PipelineResult> {
  const before = await counts(stack);
  const began = performance.now();
  const result = await generator.ask<ClosedResult>({
    kind: 'closed',
    target,
    operation: 'create',
    connections: CONNECTIONS,
    seconds: 120,
    limit: people,
  });
  if (result.wrong > 0)
    throw new Error(`${result.wrong} of ${result.requests} creates failed behind the pipeline, e.g. ${result.example}`);
  const atEnd = await counts(stack);
  const wanted = before.synced + result.requests;
  if (!(await eventually(async () => (await counts(stack)).synced >= wanted, DRAIN_LIMIT_MS, 250))) {
    const now = await counts(stack);
    throw new Error(
      `the pipeline did not drain within ${DRAIN_LIMIT_MS / 1_000} s: ${now.synced - before.synced} of ${result.requests} accounts are in Cognito (${now.accounts} known)`,
    );
  }
  const seconds = (performance.now() - began) / 1_000;
  return {
    pushed: result.requests,
    createsPerSecond: result.requests / result.seconds,
    p50: result.p50,
    p99: result.p99,
    syncedAtEnd: atEnd.synced - before.synced,
    drainedPerSecond: result.requests / seconds,
    seconds,
  };
}

export interface LatencyResult {
  readonly perSecond: number;
  readonly pushes: number;
  /** From the scheduled instant to the SCIM answer. */
  readonly answer: Spread;
  /** From the SCIM answer to the end of the last Cognito call that the push caused. */
  readonly cognito: Spread;
  readonly byKind: Readonly<Record<Push['what'], Spread>>;
}

interface Call {
  readonly at: number;
  readonly endedAt: number;
  readonly subject: string | null;
  readonly outcome: string;
}

/** Pushes at a fixed pace, half of them new people, half changed names of people that Cognito has. */
export async function measureLatency(
  stack: Stack,
  target: Target,
  generator: Program,
  perSecond: number,
  seconds: number,
): Promise<LatencyResult> {
  await fetch(`${stack.cognito}/sandbox/calls`, { method: 'DELETE' });
  const { pushes, wrong, example } = await generator.ask<OpenResult>({
    kind: 'open',
    target,
    connections: CONNECTIONS,
    perSecond,
    seconds,
  });
  if (wrong > 0) throw new Error(`${wrong} of ${pushes.length + wrong} pushes failed, e.g. ${example}`);
  const settled = async (): Promise<boolean> => {
    const { accounts, synced } = await counts(stack);
    return accounts === synced && (await stack.outboxLength()) === 0;
  };
  await sleep(500);
  if (!(await eventually(settled, DRAIN_LIMIT_MS, 250))) throw new Error('Cognito did not catch up with the pushes');
  const { calls } = (await (await fetch(`${stack.cognito}/sandbox/calls?limit=50000`)).json()) as { calls: Call[] };
  return { perSecond, pushes: pushes.length, ...evaluate(pushes, calls) };
}

function evaluate(
  pushes: readonly Push[],
  calls: readonly Call[],
): Pick<LatencyResult, 'answer' | 'cognito' | 'byKind'> {
  const lastCall = new Map<string, number>();
  for (const { subject, endedAt, outcome } of calls)
    if (subject && outcome === 'ok') lastCall.set(subject, Math.max(endedAt, lastCall.get(subject) ?? 0));
  const ways = pushes.map(({ id, what, answered }) => {
    const ended = lastCall.get(id);
    if (ended === undefined) throw new Error(`Cognito was never called about ${id} (${what})`);
    return { what, ms: ended - answered };
  });
  const of = (what: Push['what']): Spread => spread(ways.filter((w) => w.what === what).map((w) => w.ms));
  return {
    answer: spread(pushes.map((p) => p.answered - p.scheduled)),
    cognito: spread(ways.map((w) => w.ms)),
    byKind: { create: of('create'), rename: of('rename') },
  };
}
