/**
 * Measures the whole pipeline: pushes into the gateway while identity-service writes them to Cognito (the sandbox, with
 * raised quotas). Everything shares one machine, including the stand-in for Cognito, so the measured rate is a lower
 * bound.
 */
import { eventually, until } from '../../test/support/waiting.js';
import type { Target } from '../connection.js';
import type { ClosedResult, OpenResult, Push } from '../generator.js';
import type { Program } from '../program.js';
import type { Stack } from '../stack.js';
import { spread, type Spread } from '../statistics.js';

const DRAIN_LIMIT_MS = 180_000;
/** Okta sends few concurrent requests. */
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
  /** Accounts in Cognito when the last push was answered. */
  readonly syncedAtEnd: number;
  readonly drainedPerSecond: number;
  readonly seconds: number;
  /** CPU time per account in milliseconds, by process; Postgres not included. */
  readonly cpuMs: Readonly<Record<string, number>>;
}

const counts = async (stack: Stack): Promise<AccountCounts> => {
  const [row] = await stack.sql<AccountCounts>(
    'stackflow',
    `select count(*)::int as accounts, (count(*) filter (where desired_revision = applied_revision and provisioned_at is not null))::int as synced from identity.account`,
  );
  return row ?? { accounts: 0, synced: 0 };
};

/** Pushes `people` as fast as the gateway answers, and waits until all of them are in Cognito. */
export async function measurePipeline(
  stack: Stack,
  target: Target,
  generator: Program,
  people: number,
  programs: readonly Program[],
): Promise<PipelineResult> {
  const cpu = programs.map((program) => program.cpuSeconds());
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
    throw new Error(`${result.wrong} of ${result.requests} creates failed in the pipeline, e.g. ${result.example}`);
  const atEnd = await counts(stack);
  const wanted = before.synced + result.requests;
  await eventually(
    async () => {
      const now = await counts(stack);
      if (now.synced < wanted)
        throw new Error(
          `The pipeline did not drain within ${DRAIN_LIMIT_MS / 1_000} s: ${now.synced - before.synced} of ${result.requests} accounts are in Cognito (${now.accounts} known).`,
        );
    },
    DRAIN_LIMIT_MS,
    250,
  );
  const seconds = (performance.now() - began) / 1_000;
  return {
    pushed: result.requests,
    createsPerSecond: result.requests / result.seconds,
    p50: result.p50,
    p99: result.p99,
    syncedAtEnd: atEnd.synced - before.synced,
    drainedPerSecond: result.requests / seconds,
    seconds,
    cpuMs: Object.fromEntries(
      programs.map((p, i) => [p.options.name, ((p.cpuSeconds() - (cpu[i] ?? 0)) / result.requests) * 1_000]),
    ),
  };
}

export interface LatencyResult {
  readonly perSecond: number;
  readonly pushes: number;
  /** Duration from the scheduled time to the SCIM answer. */
  readonly answer: Spread;
  /** Duration from the SCIM answer to the end of the last Cognito call that the push caused. */
  readonly cognito: Spread;
  readonly byKind: Readonly<Record<Push['what'], Spread>>;
}

interface Call {
  readonly operation: string;
  readonly endedAt: number;
  readonly subject: string | null;
  readonly outcome: string;
}

/** Pushes at a fixed rate: half of them create people, half change names of people in Cognito. */
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
  const complete = await until(
    'the Cognito calls of all pushes',
    async () => ways(pushes, await callsOf(stack)),
    DRAIN_LIMIT_MS,
    1_000,
  );
  const of = (what: Push['what']): Spread => spread(complete.filter((w) => w.what === what).map((w) => w.ms));
  return {
    perSecond,
    pushes: pushes.length,
    answer: spread(pushes.map((p) => p.answered - p.scheduled)),
    cognito: spread(complete.map((w) => w.ms)),
    byKind: { create: of('create'), rename: of('rename') },
  };
}

interface Way {
  readonly what: Push['what'];
  readonly ms: number;
}

/** Name of the last Cognito call that each kind of push needs. */
const LAST_CALL: Readonly<Record<Push['what'], string>> = {
  create: 'AdminSetUserPassword',
  rename: 'AdminUpdateUserAttributes',
};

/** Returns undefined until the last call of every push exists. */
function ways(pushes: readonly Push[], calls: readonly Call[]): Way[] | undefined {
  const ended = new Map(calls.filter((c) => c.outcome === 'ok').map((c) => [`${c.operation} ${c.subject}`, c.endedAt]));
  const found = pushes.flatMap(({ id, what, answered }) => {
    const at = ended.get(`${LAST_CALL[what]} ${id}`);
    return at === undefined ? [] : [{ what, ms: at - answered }];
  });
  return found.length === pushes.length ? found : undefined;
}

async function callsOf(stack: Stack): Promise<readonly Call[]> {
  const { calls } = (await (await fetch(`${stack.cognito}/sandbox/calls?limit=50000`)).json()) as { calls: Call[] };
  return calls;
}
