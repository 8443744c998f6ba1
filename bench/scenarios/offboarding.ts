/**
 * Measures the time from Okta's PATCH to the end of all access, at a fixed rate, on the default quotas of the Cognito
 * stand-in. The first run is without other load. Further runs happen during an import of thousands of people, at the
 * rate that Cognito allows and at twice that rate. All times are observed from outside: Cognito's times in the
 * stand-in's call log, and the services' times by a guard in another process that checks earlier tokens.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../test/support/waiting.js';
import type { Target } from '../connection.js';
import type { FollowJob, KnowJob, WatchJob } from '../token-watch.js';
import type { ClosedResult, CreateResult, OffboardResult } from '../generator.js';
import type { Program } from '../program.js';
import type { Stack } from '../stack.js';
import { spread, type Spread } from '../statistics.js';

export const PER_SECOND = 20;
/** About the rate that Cognito's default quotas allow, and twice that, so that a backlog of the import builds up. */
export const IMPORTS_PER_SECOND = [25, 50] as const;
const READY_LIMIT_MS = 300_000;
const CLOSED_LIMIT_MS = 120_000;
const CONNECTIONS = 16;

export interface OffboardingTimes {
  readonly people: number;
  /** Times from the scheduled time of the PATCH, in milliseconds. */
  readonly answered: Spread;
  readonly refused: Spread;
  readonly disabled: Spread;
  /** Time until the guard refuses the token and Cognito has disabled the user: no access and no new token. */
  readonly closed: Spread;
  /** Time until `AdminUserGlobalSignOut` has also ended. It may share a quota of 25 calls per second with disabling. */
  readonly signedOut: Spread;
  /** Imported people who were waiting for Cognito when the offboardings ended. */
  readonly importWaiting: number;
}

export interface OffboardingResult {
  readonly carrier: string;
  readonly signOutCategory: string;
  readonly alone: OffboardingTimes;
  readonly importing: readonly { readonly perSecond: number; readonly times: OffboardingTimes }[];
  readonly importSize: number;
}

interface Plan {
  readonly stack: Stack;
  readonly target: Target;
  readonly generator: Program;
  readonly tokenWatch: Program;
  readonly seconds: number;
  readonly importSize: number;
  readonly importsPerSecond: readonly number[];
  readonly say: (text: string) => void;
}

export async function measureOffboarding(plan: Plan): Promise<OffboardingResult> {
  const { stack, target, generator, tokenWatch, seconds, importSize, importsPerSecond, say } = plan;
  const people = PER_SECOND * seconds;
  const total = people * (1 + importsPerSecond.length);
  say(`${total} people get accounts on the default quotas`);
  const made = await generator.ask<CreateResult>({ kind: 'people', target, people: total, connections: 4 });
  await provisioned(stack, made.ids);
  await tokenWatch.ask(stack.followJob satisfies FollowJob);
  say(`${PER_SECOND} offboardings per second for ${seconds} s`);
  const alone = await offboard(plan, made.ids.slice(0, people));
  const importer = stack.run({ name: 'importer', entry: generator.options.entry });
  const importing: OffboardingResult['importing'][number][] = [];
  for (const [i, perSecond] of importsPerSecond.entries()) {
    const those = made.ids.slice(people * (i + 1), people * (i + 2));
    importing.push({ perSecond, times: await duringImport(plan, importer, perSecond, those) });
  }
  const signOutCategory = stack.options.signOutCategory ?? 'UserUpdate';
  return { carrier: stack.followJob.carrier, signOutCategory, alone, importing, importSize };
}

/** Resolves when the import has ended and Cognito has all its people. */
async function duringImport(
  plan: Plan,
  importer: Program,
  perSecond: number,
  ids: readonly string[],
): Promise<OffboardingTimes> {
  const { stack, target, importSize, say } = plan;
  say(`an import of ${importSize} people begins, ${perSecond} per second; offboarding again`);
  const importing = importer.ask<ClosedResult>({
    kind: 'closed',
    target,
    operation: 'create',
    connections: CONNECTIONS,
    seconds: 600,
    limit: importSize,
    perSecond,
    firstPerson: perSecond * 1_000_000,
  });
  importing.catch(() => undefined);
  await sleep(2_000);
  const times = await offboard(plan, ids);
  const { wrong, example } = await importing;
  if (wrong > 0) throw new Error(`${wrong} creates of the import failed, e.g. ${example}`);
  await until('the import is in Cognito', async () => (await waitingForCognito(stack)) === 0, READY_LIMIT_MS, 1_000);
  return times;
}

async function offboard(
  { stack, target, generator, tokenWatch }: Plan,
  ids: readonly string[],
): Promise<OffboardingTimes> {
  await tokenWatch.ask({ kind: 'know', accounts: ids } satisfies KnowJob);
  await fetch(`${stack.cognito}/sandbox/calls`, { method: 'DELETE' });
  const watching = tokenWatch.ask<Record<string, number>>({
    kind: 'watch',
    limitMs: CLOSED_LIMIT_MS,
  } satisfies WatchJob);
  watching.catch(() => undefined);
  const { pushes, wrong, example } = await generator.ask<OffboardResult>({
    kind: 'offboard',
    target,
    connections: CONNECTIONS,
    perSecond: PER_SECOND,
    ids,
  });
  if (wrong > 0) throw new Error(`${wrong} of ${ids.length} deactivations failed, e.g. ${example}`);
  const importWaiting = await waitingForCognito(stack);
  const refusedAt = await watching;
  const [disabledAt, signedOutAt] = [
    await calls(stack, 'AdminDisableUser', ids),
    await calls(stack, 'AdminUserGlobalSignOut', ids),
  ];
  const since = (at: (id: string) => number): Spread => spread(pushes.map((p) => at(p.id) - p.scheduled));
  const refused = (id: string): number => refusedAt[id] ?? Number.NaN;
  const disabled = (id: string): number => disabledAt.get(id) ?? Number.NaN;
  return {
    people: ids.length,
    answered: spread(pushes.map((p) => p.answered - p.scheduled)),
    refused: since(refused),
    disabled: since(disabled),
    closed: since((id) => Math.max(refused(id), disabled(id))),
    signedOut: since((id) => signedOutAt.get(id) ?? Number.NaN),
    importWaiting,
  };
}

/** Returns the end of the first successful call of the operation by account. Waits until each account has one. */
async function calls(stack: Stack, operation: string, ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const complete = async (): Promise<Map<string, number> | false> => {
    const answer = await fetch(`${stack.cognito}/sandbox/calls?operation=${operation}&limit=50000`);
    const { calls: made } = (await answer.json()) as {
      calls: { subject: string | null; endedAt: number; outcome: string }[];
    };
    const fine = made.filter((c) => c.outcome === 'ok').sort((a, b) => b.endedAt - a.endedAt);
    const ended = new Map(fine.map((c) => [c.subject ?? '', c.endedAt]));
    return ids.every((id) => ended.has(id)) && ended;
  };
  return until(`${operation} for every account`, complete, CLOSED_LIMIT_MS, 500);
}

async function provisioned(stack: Stack, ids: readonly string[]): Promise<void> {
  const all = async (): Promise<boolean> => {
    const [row] = await stack.sql<{ n: number }>(
      'stackflow',
      `select count(*)::int as n from offboarding.person where desired_access = 'enabled' and provisioned and id = any($1::uuid[])`,
      [[...ids]],
    );
    return row?.n === ids.length;
  };
  await until('all accounts are provisioned', all, READY_LIMIT_MS, 500);
}

async function waitingForCognito(stack: Stack): Promise<number> {
  const [row] = await stack.sql<{ n: number }>(
    'stackflow',
    `select count(*)::int as n from identity.account where desired_revision > applied_revision`,
  );
  return row?.n ?? 0;
}
