/**
 * Compares the whole user pool with the accounts and marks what differs; the reconciler repairs it. Finds what no event
 * tells: changes by hand, calls whose late effect nobody saw. Users that no account knows are reported, never touched.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CognitoError, type PoolUser, type UserPool } from '#cognito';
import { Problem, type Database, type Logger } from '#platform';
import { PRIORITY } from '../roles/transition.js';
import {
  accountsOfPage,
  beginRun,
  endDeadRuns,
  endRun,
  expectedAfter,
  latestRun,
  saveProgress,
} from './compare.sql.js';
import { ownState, planSteps, type DesiredAccount, type Step } from './plan.js';
import { distrust, knownRoles } from './queue.sql.js';

export interface CompareProgress {
  phase: 'groups' | 'users' | 'missing' | 'done';
  /** Users of the pool seen so far. */
  users: number;
  /** Accounts marked for repair, and why; one account may count under several kinds. */
  differing: number;
  attributes: number;
  groups: number;
  missing: number;
  /** Users of the pool that no account knows, and the first names of them. */
  orphans: number;
  orphanSample: string[];
}

export interface CompareRun {
  readonly id: string;
  readonly state: 'running' | 'done' | 'failed';
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly progress: CompareProgress;
  readonly error: string | null;
}

export interface CompareOptions {
  readonly database: Database;
  readonly pool: UserPool;
  readonly logger: Logger;
  readonly leaseSeconds: number;
  readonly workerId: string;
  /** Told after accounts were marked. */
  readonly marked: () => void;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ORPHAN_SAMPLE = 100;
const PATIENCE = 20;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

export class PoolCompare {
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(private readonly options: CompareOptions) {}

  /** Starts a run in the background. Throws `conflict` while one is running, here or in another replica. */
  async start(): Promise<string> {
    const { database, leaseSeconds, workerId, logger } = this.options;
    const id = randomUUID();
    const progress: CompareProgress = {
      phase: 'groups',
      users: 0,
      differing: 0,
      attributes: 0,
      groups: 0,
      missing: 0,
      orphans: 0,
      orphanSample: [],
    };
    await database.query(endDeadRuns, [leaseSeconds]);
    const [row] = await database.query<{ started_at: string }>(beginRun, [id, workerId, JSON.stringify(progress)]);
    if (!row)
      throw new Problem('conflict', 'A compare is running already; ask for its status with GET /internal/reconcile.');
    this.running = this.run(id, row.started_at, progress).then(
      () =>
        database
          .query(endRun, [id, 'done', JSON.stringify({ ...progress, phase: 'done' }), null])
          .then(() => logger.info({ ...progress }, 'compare done')),
      async (error: unknown) => {
        logger.error({ err: error, code: 'compare_failed' }, 'the compare of the pool failed');
        await database
          .query(endRun, [
            id,
            'failed',
            JSON.stringify(progress),
            error instanceof Error ? error.message : String(error),
          ])
          .catch(() => undefined);
      },
    );
    return id;
  }

  async latest(): Promise<CompareRun | null> {
    const [row] = await this.options.database.query<{
      id: string;
      state: CompareRun['state'];
      started_at: Date;
      finished_at: Date | null;
      progress: CompareProgress;
      error: string | null;
    }>(latestRun);
    return row
      ? {
          id: row.id,
          state: row.state,
          startedAt: row.started_at,
          finishedAt: row.finished_at,
          progress: row.progress,
          error: row.error,
        }
      : null;
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  private async run(id: string, startedAt: string, progress: CompareProgress): Promise<void> {
    const { database, pool } = this.options;
    const roles = new Set((await database.query<{ role: string }>(knownRoles)).map((r) => r.role));
    const groupsOf = await this.collectGroups(roles);
    progress.phase = 'users';
    const seen = new Set<string>();
    for (let cursor: string | null = null, first = true; first || cursor !== null; first = false) {
      const page = await this.patiently(() => pool.listUsers(cursor));
      await this.comparePage(page.items, groupsOf, roles, startedAt, progress);
      for (const user of page.items) seen.add(user.username);
      progress.users = seen.size;
      await database.query(saveProgress, [id, JSON.stringify(progress)]);
      cursor = page.next;
    }
    progress.phase = 'missing';
    await this.findMissing(seen, startedAt, progress);
  }

  private async collectGroups(roles: ReadonlySet<string>): Promise<Map<string, string[]>> {
    const groupsOf = new Map<string, string[]>();
    for (const role of roles) {
      for (let cursor: string | null = null, first = true; first || cursor !== null; first = false) {
        const page = await this.patiently(() => this.options.pool.listUsersInGroup(role, cursor));
        for (const { username } of page.items) groupsOf.set(username, [...(groupsOf.get(username) ?? []), role]);
        cursor = page.next;
      }
    }
    return groupsOf;
  }

  private async comparePage(
    users: readonly PoolUser[],
    groupsOf: ReadonlyMap<string, string[]>,
    roles: ReadonlySet<string>,
    startedAt: string,
    progress: CompareProgress,
  ): Promise<void> {
    const ids = users.map((u) => u.username).filter((name) => UUID.test(name));
    const rows = await this.options.database.query<AccountRow>(accountsOfPage, [ids, startedAt]);
    const accounts = new Map(rows.map((row) => [row.id, row]));
    const surplus: string[] = [];
    const others: string[] = [];
    for (const user of users) {
      const row = accounts.get(user.username);
      if (!row) {
        progress.orphans++;
        if (progress.orphanSample.length < ORPHAN_SAMPLE) progress.orphanSample.push(user.username);
        continue;
      }
      const steps = row.at_rest
        ? planSteps(toDesired(row), ownState(user, groupsOf.get(user.username) ?? [], roles))
        : [];
      if (steps.length === 0) continue;
      count(steps, progress);
      (steps.some((s) => s.do === 'leave') ? surplus : others).push(user.username);
    }
    await this.mark(surplus, PRIORITY.reduced);
    await this.mark(others, PRIORITY.bulk);
  }

  private async findMissing(seen: ReadonlySet<string>, startedAt: string, progress: CompareProgress): Promise<void> {
    for (let after = FIRST_ID; ;) {
      const rows: { id: string }[] = await this.options.database.query<{ id: string }>(expectedAfter, [
        after,
        startedAt,
      ]);
      const missing = rows.map((r) => r.id).filter((accountId) => !seen.has(accountId));
      progress.missing += missing.length;
      progress.differing += missing.length;
      await this.mark(missing, PRIORITY.bulk);
      const last = rows.at(-1);
      if (!last) return;
      after = last.id;
    }
  }

  private async mark(ids: readonly string[], priority: number): Promise<void> {
    if (ids.length === 0) return;
    await this.options.database.query(distrust, [ids, priority, null]);
    this.options.marked();
  }

  /** Bulk work waits as long as it takes, within reason, instead of failing a run of minutes. */
  private async patiently<T>(call: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      if (this.stopped) throw new Error('the service is shutting down');
      try {
        return await call();
      } catch (error) {
        const passing =
          error instanceof CognitoError && (error.errorClass === 'throttled' || error.errorClass === 'retry');
        if (!passing || attempt >= PATIENCE) throw error;
        await sleep(Math.min(200 * attempt, 2_000));
      }
    }
  }
}

function count(steps: readonly Step[], progress: CompareProgress): void {
  progress.differing++;
  if (steps.some((s) => s.do === 'update' || s.do === 'confirm')) progress.attributes++;
  if (steps.some((s) => s.do === 'leave' || s.do === 'join')) progress.groups++;
}

interface AccountRow {
  id: string;
  tenant: string;
  status: DesiredAccount['status'];
  user_name: string;
  external_id: string | null;
  email: string | null;
  display_name: string | null;
  given_name: string | null;
  family_name: string | null;
  roles: string[];
  provisioned: boolean;
  at_rest: boolean;
}

const toDesired = (row: AccountRow): DesiredAccount => ({
  id: row.id,
  tenant: row.tenant,
  status: row.status,
  userName: row.user_name,
  externalId: row.external_id,
  email: row.email,
  displayName: row.display_name,
  givenName: row.given_name,
  familyName: row.family_name,
  roles: row.roles,
  provisioned: row.provisioned,
});
