/**
 * Measures the requests that Okta waits for: create, lookup, deactivate. Rounds alternate between the contestants,
 * because the speed of the machine varies. The first round warms up and is not counted. The results are medians over
 * the other rounds. A ratio is the median of the ratios within each round.
 */
import path from 'node:path';
import { ROOT } from '../../tools/local/folder.js';
import type { Target } from '../connection.js';
import type { ClosedResult, Operation } from '../generator.js';
import { startPolis } from '../polis.js';
import type { Program } from '../program.js';
import type { RawJob, RawResult, Sample } from '../raw-inserts.js';
import { POOL_SIZE, type Service, type Stack } from '../stack.js';
import { median } from '../statistics.js';

export const CONNECTIONS = 32;
export const OPERATIONS: readonly Operation[] = ['create', 'lookup', 'deactivate'];

export interface RequestsOptions {
  readonly rounds: number;
  readonly seconds: number;
  readonly withPolis: boolean;
  readonly withLimit: boolean;
  readonly say: (text: string) => void;
}

/** The result of one contestant with one operation in one round. */
export interface Measurement {
  readonly who: string;
  readonly operation: Operation;
  readonly round: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly requests: number;
  /** CPU time of the server process per request in microseconds; Postgres not included. */
  readonly serverCpuUs: number | null;
  /** Events that were stored but not yet published when the round ended. */
  readonly backlog?: number;
}

interface Contestant {
  readonly who: string;
  readonly target: Target;
  readonly program: Program;
}

export async function measureRequests(
  stack: Stack,
  gateway: Service,
  target: Target,
  generator: Program,
  options: RequestsOptions,
): Promise<{ measurements: Measurement[]; polis: string | null }> {
  const polis = options.withPolis ? await startPolis(stack) : undefined;
  const contestants: Contestant[] = [
    { who: 'gateway', target, program: gateway.program },
    ...(polis ? [{ who: 'polis', ...polis }] : []),
  ];
  const limit = options.withLimit ? await prepareLimit(stack, generator, target) : undefined;
  const databases = ['stackflow', ...(polis ? ['polis'] : []), ...(limit ? ['limit_only'] : [])];
  const measurements: Measurement[] = [];
  for (let round = 0; round <= options.rounds; round++) {
    const seconds = round === 0 ? Math.min(2, options.seconds) : options.seconds;
    options.say(round === 0 ? 'warming up' : `round ${round} of ${options.rounds}`);
    for (const operation of OPERATIONS) {
      for (const contestant of contestants)
        measurements.push(await one(stack, generator, contestant, { operation, round, seconds }));
      if (operation === 'create' && limit) measurements.push(await limit(round, seconds));
    }
    // Without statistics, the query plans are random. Autovacuum would collect them only within a minute.
    if (round === 0) for (const database of databases) await stack.sql(database, 'analyze');
  }
  await polis?.program.stop();
  return { measurements: measurements.filter((m) => m.round > 0), polis: polis?.version ?? null };
}

async function one(
  stack: Stack,
  generator: Program,
  { who, target, program }: Contestant,
  { operation, round, seconds }: { operation: Operation; round: number; seconds: number },
): Promise<Measurement> {
  const cpu = program.cpuSeconds();
  const result = await generator.ask<ClosedResult>({
    kind: 'closed',
    target,
    operation,
    connections: CONNECTIONS,
    seconds,
  });
  const used = program.cpuSeconds() - cpu;
  if (result.wrong > 0)
    throw new Error(
      `${who} answered ${result.wrong} of ${result.requests} requests to ${operation} wrongly, e.g. ${result.example}`,
    );
  const backlog = who === 'gateway' ? await stack.outboxLength() : undefined;
  if (who === 'gateway') await stack.published();
  const { requests, p50, p99 } = result;
  return {
    who,
    operation,
    round,
    perSecond: requests / result.seconds,
    p50,
    p99,
    requests,
    serverCpuUs: Number.isNaN(used) ? null : (used / requests) * 1e6,
    ...(backlog !== undefined && { backlog }),
  };
}

/** Prepares the limit. The gateway creates one user, so that the limit stores exactly the same bytes. */
async function prepareLimit(
  stack: Stack,
  generator: Program,
  target: Target,
): Promise<(round: number, seconds: number) => Promise<Measurement>> {
  await stack.addDatabase('limit_only');
  const url = await stack.migrateGateway('limit_only');
  await generator.ask<ClosedResult>({
    kind: 'closed',
    target,
    operation: 'create',
    connections: 1,
    seconds: 5,
    limit: 1,
  });
  await stack.published();
  const [sample] = await stack.sql<Sample>(
    'stackflow',
    `select u.id, u.user_name as "userName", u.tenant_id as tenant, u.external_id as "externalId", u.resource::text as resource, e.data::text as "eventData", e.traceparent
       from directory.users u join bus.event_log e on e.subject = u.id::text where e.type like '%user.created.v2' limit 1`,
  );
  if (!sample) throw new Error('the gateway published no event about the user that it created');
  const program = stack.run({ name: 'raw-inserts', entry: path.join(ROOT, 'dist/bench/raw-inserts.js') });
  return async (round, seconds) => {
    const job: RawJob = { url, connections: POOL_SIZE, seconds, sample };
    const cpu = program.cpuSeconds();
    const result = await program.ask<RawResult>(job);
    const used = program.cpuSeconds() - cpu;
    const { requests, p50, p99 } = result;
    return {
      who: 'limit',
      operation: 'create',
      round,
      perSecond: requests / result.seconds,
      p50,
      p99,
      requests,
      serverCpuUs: Number.isNaN(used) ? null : (used / requests) * 1e6,
    };
  };
}

export interface Summary {
  readonly who: string;
  readonly operation: Operation;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly serverCpuUs: number | null;
  /** Median over all rounds of the gateway's rate divided by this contestant's rate in the same round. */
  readonly gatewayTimes: number | null;
}

export function summarise(measurements: readonly Measurement[]): Summary[] {
  const groups = new Map<string, Measurement[]>();
  for (const m of measurements) {
    const key = `${m.operation} ${m.who}`;
    groups.set(key, [...(groups.get(key) ?? []), m]);
  }
  return [...groups.values()].map((rounds) => {
    const [{ who, operation }] = rounds as [Measurement];
    const middle = (of: (m: Measurement) => number): number => median(rounds.map(of));
    const ratios = rounds.flatMap((m) => {
      const own = measurements.find((g) => g.who === 'gateway' && g.operation === operation && g.round === m.round);
      return own ? [own.perSecond / m.perSecond] : [];
    });
    const cpu = rounds.flatMap((m) => m.serverCpuUs ?? []);
    return {
      who,
      operation,
      perSecond: middle((m) => m.perSecond),
      p50: middle((m) => m.p50),
      p99: middle((m) => m.p99),
      serverCpuUs: cpu.length > 0 ? median(cpu) : null,
      gatewayTimes: who === 'gateway' || ratios.length === 0 ? null : median(ratios),
    };
  });
}
