/** Prints the result of a run: the measured numbers and their meaning. */
import os from 'node:os';
import { DEFAULT_QUOTAS } from '../libs/cognito/src/quotas.js';
import {
  PER_SECOND as OFFBOARDINGS_PER_SECOND,
  type OffboardingTimes,
  type OffboardingResult,
} from './scenarios/offboarding.js';
import type { MembershipResult } from './scenarios/memberships.js';
import type { LatencyResult, PipelineResult } from './scenarios/pipeline.js';
import type { LargeStep } from './scenarios/large.js';
import { CONNECTIONS, OPERATIONS, type Summary } from './scenarios/requests.js';
import { PER_SECOND as CALM_PER_SECOND, type WallsResult } from './scenarios/walls.js';
import { POOL_SIZE } from './stack.js';
import type { Spread } from './statistics.js';

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly postgres: string;
}

export const machine = (postgres: string): Machine => ({
  cores: os.availableParallelism(),
  cpu: os.cpus()[0]?.model ?? 'unknown',
  memoryGiB: Math.round(os.totalmem() / 2 ** 30),
  system: `${os.type()} ${os.release()} ${os.arch()}`,
  node: process.version,
  postgres,
});

export function describeMachine(m: Machine): string {
  return `${m.cores} cores (${m.cpu}), ${m.memoryGiB} GiB, ${m.system}; Node ${m.node}, Postgres ${m.postgres} with its default settings (every commit is on disk).\nServer, Postgres and load generator share these cores.`;
}

export const rate = (n: number): string => Math.round(n).toLocaleString('en');
export const ms = (n: number): string => (n >= 100 ? n.toFixed(0) : n.toFixed(1));
const times = (n: number): string => `${n.toFixed(2)}x`;

export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length))) ?? [];
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i < 2 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  const [head = [], ...body] = rows.map(line);
  return [head, '-'.repeat(head.length), ...body].join('\n');
}

const NAMES: Readonly<Record<string, string>> = {
  gateway: 'scim-gateway',
  polis: 'Ory Polis',
  limit: 'the two inserts alone',
};

export function describeRequests(
  summaries: readonly Summary[],
  options: { rounds: number; seconds: number; polis: string | null },
): string {
  const head = ['operation', 'who', 'per second', 'p50 ms', 'p99 ms', 'server CPU us', 'gateway is'];
  const rows = OPERATIONS.flatMap((operation) => summaries.filter((s) => s.operation === operation)).map((s) => [
    s.operation,
    NAMES[s.who] ?? s.who,
    rate(s.perSecond),
    ms(s.p50),
    ms(s.p99),
    s.serverCpuUs === null ? '' : rate(s.serverCpuUs),
    s.gatewayTimes === null ? '' : times(s.gatewayTimes),
  ]);
  const notes = [
    `Medians of ${options.rounds} alternating rounds of ${options.seconds} s; a ratio is the median of the ratios of the rounds. ${CONNECTIONS} HTTP connections, ${POOL_SIZE} connections to Postgres each, equal bodies.`,
    options.polis &&
      `Ory Polis ${options.polis} stores no event and no audit line here; the gateway stores and publishes both within the measured time.`,
    summaries.some((s) => s.who === 'limit') &&
      'The two inserts: the same rows in one prepared statement without HTTP; its p50 and p99 are of the statement.',
  ];
  return `${table([head, ...rows])}\n${notes.filter(Boolean).join('\n')}`;
}

const cpuMs = (by: Readonly<Record<string, number>>): string =>
  Object.entries(by)
    .filter(([, value]) => Number.isFinite(value))
    .map(([name, value]) => `${name} ${value.toFixed(2)}`)
    .join(', ');

export function describePipeline(p: PipelineResult): string {
  return [
    `${rate(p.pushed)} people pushed as fast as the gateway answered, with identity-service and the Cognito stand-in on the same cores:`,
    `  gateway creates  ${rate(p.createsPerSecond)} per second (p50 ${ms(p.p50)} ms, p99 ${ms(p.p99)} ms); ${rate(p.syncedAtEnd)} were in Cognito by the last answer`,
    `  pipeline drains  ${rate(p.drainedPerSecond)} accounts per second (first push to last account, two Cognito calls each), ${p.seconds.toFixed(1)} s in all`,
    `  CPU ms per account without Postgres: ${cpuMs(p.cpuMs)}`,
  ].join('\n');
}

export function describeLatency(l: LatencyResult): string {
  const { UserCreation, UserUpdate, UserAccountRecovery } = DEFAULT_QUOTAS;
  return [
    `${l.perSecond} pushes per second on a fixed schedule, ${rate(l.pushes)} in all, half new people, half changed names:`,
    `  schedule -> SCIM answer                     p50 ${ms(l.answer.p50)} ms, p99 ${ms(l.answer.p99)} ms, max ${ms(l.answer.max)} ms`,
    `  SCIM answer -> last Cognito call finished   p50 ${ms(l.cognito.p50)} ms, p99 ${ms(l.cognito.p99)} ms, max ${ms(l.cognito.max)} ms`,
    `    new people    p50 ${ms(l.byKind.create.p50)} ms, p99 ${ms(l.byKind.create.p99)} ms     changed names p50 ${ms(l.byKind.rename.p50)} ms, p99 ${ms(l.byKind.rename.p99)} ms`,
    'The quotas of the Cognito stand-in are raised, so that the pipeline is measured and not a quota. In a real account',
    `the default quotas allow ${UserCreation} creations, ${UserAccountRecovery} passwords and ${UserUpdate} updates per second: about ${Math.min(UserCreation, UserAccountRecovery)} new people per second in the long run, whatever is in front of Cognito.`,
  ].join('\n');
}

const SHARED_QUOTA = [
  `Disabling and signing out share Cognito's UserUpdate quota of ${DEFAULT_QUOTAS.UserUpdate} calls per second, so at ${OFFBOARDINGS_PER_SECOND} per second the sign-outs fall behind;`,
  'the users are disabled already, and are signed out before they can be enabled again.',
];

export function describeOffboarding(o: OffboardingResult): string {
  const columns = [o.alone, ...o.importing.map(({ times }) => times)];
  const row = (name: string, of: (d: OffboardingTimes) => Spread): string =>
    `  ${name.padEnd(49)}${columns
      .map(of)
      .map(({ p50, p99 }) => `p50 ${ms(p50).padStart(6)}  p99 ${ms(p99).padStart(6)}`)
      .join('  |  ')}`;
  const imports = o.importing.map(
    ({ perSecond, times }) => `${perSecond} per second (${rate(times.importWaiting)} waited for Cognito at the end)`,
  );
  return [
    `${OFFBOARDINGS_PER_SECOND} deactivations per second on the ${o.carrier} carrier, ${o.alone.people} people per column, default quotas; times in milliseconds from the scheduled PATCH.`,
    `From left to right: without other load; while ${rate(o.importSize)} people are imported, ${imports.join('; ')}.`,
    row('SCIM answer', (d) => d.answered),
    row('a guard in another process refuses the old token', (d) => d.refused),
    row('disabled in Cognito', (d) => d.disabled),
    row('both: no access and no new token', (d) => d.closed),
    row('signed out everywhere (AdminUserGlobalSignOut)', (d) => d.signedOut),
    ...(o.signOutCategory === 'UserUpdate'
      ? SHARED_QUOTA
      : ['Sign-outs count as UserToken here, separately from disables.']),
  ].join('\n');
}

export function describeLarge(steps: readonly LargeStep[]): string {
  const rows = steps.map((step) => [
    step.what,
    answersOf(step),
    ms(step.heldMs),
    rate(step.rssMb),
    ms(step.other.p50),
    ms(step.other.p99),
    ms(step.other.max),
  ]);
  const head = ['a tenant sends', 'answers', 'event loop held ms', 'memory MB', "another's p50 ms", 'p99 ms', 'max ms'];
  return `${table([head, ...rows])}\nThe other tenant looks up one person after the other on one connection.`;
}

function answersOf({ answers }: LargeStep): string {
  const statuses = [...new Set(answers.map((answer) => answer.status))].join(', ');
  const slowest = Math.max(...answers.map((answer) => answer.ms));
  return answers.length === 0 ? '' : `${statuses} in ${(slowest / 1_000).toFixed(1)} s`;
}

export function describeWalls({ carrier, people, quiet, flooded, waiting, requests }: WallsResult): string {
  const row = (name: string, { p50, p99, max }: Spread): string =>
    `  ${name.padEnd(40)}p50 ${ms(p50).padStart(6)}  p99 ${ms(p99).padStart(6)}  max ${ms(max).padStart(6)}`;
  return [
    `${CALM_PER_SECOND} deactivations per second in a calm tenant on the ${carrier} carrier, ${people} people per line; milliseconds from the push to the fence:`,
    row('without other load', quiet),
    row('while a loud tenant floods', flooded),
    `  ratio: p50 ${times(flooded.p50 / quiet.p50)}, p99 ${times(flooded.p99 / quiet.p99)} (goal: p99 below 500 ms and at most 3 times)`,
    `The loud tenant sent ${rate(requests)} PATCH requests; ${rate(waiting)} of its events waited at the end.`,
  ].join('\n');
}

/** WAL per byte of the bodies when each membership was an event with all groups of its person (2026-11). */
const RATIO_BEFORE = 139;

export function describeMemberships({ memberships, bodyBytes, walBytes, ratio, records }: MembershipResult): string {
  const summary = `${rate(memberships)} memberships, ${rate(bodyBytes)} bytes of bodies, ${rate(walBytes)} bytes of WAL: ${ratio.toFixed(1)} times the bodies (before: ${RATIO_BEFORE} times).`;
  const rows = records.map(({ record, bytes }) => [record, '', bytes.toFixed(1)]);
  return `${summary}\n\n${table([['record', '', 'bytes per membership'], ...rows])}`;
}
