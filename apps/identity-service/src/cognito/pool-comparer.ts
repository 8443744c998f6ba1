/**
 * Compares the whole user pool with the accounts. It finds differences that no event announces: manual changes, and
 * calls that took effect after a time-out. The reconciler repairs them. Users without an account are reported, but
 * never changed.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { CognitoError, UserPool, type PoolUser } from '#cognito';
import type { PoolComparisonProgress } from '#contracts';
import { Database, LOGGER, NIL_UUID, Problem, UUID, type Logger } from '#platform';
import { isLeaseVoid } from '#worker';
import { PRIORITY } from '../accounts/transition.js';
import { ownState, planSteps, type DesiredAccount, type Step } from './plan.js';
import { PoolComparisonEntity } from './pool-comparison.entity.js';
import { desiredAccountColumns, markUnknown } from './queue.sql.js';
import { Reconciler } from './reconciler.js';
import { RoleGroups } from './role-groups.js';

/** Marks a comparison as failed if its process has ended. Over all replicas, only one comparison runs at a time. */
const endAbandoned = `
  update pool_comparison r set state = 'failed', finished_at = clock_timestamp(), error = 'the process that ran it has ended'
   where state = 'running' and ${isLeaseVoid('r.worker_id', '$1')}`;
const begin = `insert into pool_comparison (id, worker_id, state, progress) values ($1, $2, 'running', $3) on conflict do nothing returning id`;

/**
 * SQL condition: the reconciler has no work on the account and has done none since the comparison ($2) began. For other
 * accounts, the lists that were read from Cognito may be outdated.
 */
const comparable = `a.desired_revision = a.applied_revision and a.lease_owner is null
   and (a.synced_at is null or a.synced_at < (select started_at from pool_comparison where id = $2))`;
const accountsOfPage = `select ${desiredAccountColumns}, ${comparable} as "comparable" from account a where a.id = any($1::uuid[])`;
/** Selects the next accounts, after the id $1, that the pool must have. */
const expectedAfter = `
  select a.id from account a where a.id > $1 and a.status = 'active' and a.provisioned_at is not null and ${comparable} order by a.id limit 1000`;

const ORPHAN_SAMPLE = 100;
const MAX_ATTEMPTS = 20;

interface Run {
  readonly id: string;
  readonly roles: ReadonlySet<string>;
  readonly groupsOf: ReadonlyMap<string, string[]>;
  readonly progress: PoolComparisonProgress;
}

@Injectable()
export class PoolComparer {
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly database: Database,
    private readonly pool: UserPool,
    private readonly groups: RoleGroups,
    private readonly reconciler: Reconciler,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Starts a comparison in the background. Throws `conflict` if one is already running in any replica. */
  async start(): Promise<string> {
    const { database } = this;
    const id = randomUUID();
    const counts = { users: 0, differing: 0, attributes: 0, groups: 0, missing: 0, orphans: 0 };
    const progress: PoolComparisonProgress = { phase: 'groups', ...counts, orphanSample: [] };
    const { owner, seconds } = this.reconciler.lease;
    await database.query(endAbandoned, [seconds]);
    const [row] = await database.query(begin, [id, owner, JSON.stringify(progress)]);
    if (!row) throw new Problem('conflict', 'A comparison with the user pool is already running.');
    this.running = this.run(id, progress).then(
      async () => {
        progress.phase = 'done';
        await this.end(id, 'done', progress, null);
        this.logger.info({ ...progress }, 'compared the user pool with the accounts');
      },
      async (error: unknown) => {
        this.logger.error(
          { err: error, code: 'pool_comparison_failed' },
          'the comparison with the user pool failed; the differences found so far are repaired; start it again to find the rest',
        );
        const reason = error instanceof Error ? error.message : String(error);
        await this.end(id, 'failed', progress, reason).catch(() => undefined);
      },
    );
    return id;
  }

  latest(): Promise<PoolComparisonEntity | null> {
    return this.database.repository(PoolComparisonEntity).findOne({ where: {}, order: { startedAt: 'DESC' } });
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  private async end(id: string, state: 'done' | 'failed', progress: PoolComparisonProgress, error: string | null) {
    const finishedAt = () => 'clock_timestamp()';
    await this.database.repository(PoolComparisonEntity).update(id, { state, progress, error, finishedAt });
  }

  private async run(id: string, progress: PoolComparisonProgress): Promise<void> {
    const roles = await this.groups.known();
    const run = { id, roles, groupsOf: await this.collectGroups(roles), progress };
    progress.phase = 'users';
    const seen = new Set<string>();
    for await (const users of this.pages((cursor) => this.pool.listUsers(cursor))) {
      await this.comparePage(run, users);
      for (const user of users) seen.add(user.username);
      progress.users = seen.size;
      await this.database.repository(PoolComparisonEntity).update(id, { progress });
    }
    progress.phase = 'missing';
    await this.findMissing(run, seen);
  }

  private async collectGroups(roles: ReadonlySet<string>): Promise<Map<string, string[]>> {
    const groupsOf = new Map<string, string[]>();
    for (const role of roles)
      for await (const users of this.pages((cursor) => this.pool.listUsersInGroup(role, cursor)))
        for (const { username } of users) groupsOf.set(username, [...(groupsOf.get(username) ?? []), role]);
    return groupsOf;
  }

  private async comparePage({ id, roles, groupsOf, progress }: Run, users: readonly PoolUser[]): Promise<void> {
    const ids = users.map((u) => u.username).filter((name) => UUID.test(name));
    const rows = await this.database.query<DesiredAccount & { comparable: boolean }>(accountsOfPage, [ids, id]);
    const accounts = new Map(rows.map((row) => [row.id, row]));
    const surplus: string[] = [];
    const others: string[] = [];
    for (const user of users) {
      const account = accounts.get(user.username);
      if (!account) {
        progress.orphans++;
        if (progress.orphanSample.length < ORPHAN_SAMPLE) progress.orphanSample.push(user.username);
        continue;
      }
      const actual = ownState(user, groupsOf.get(user.username) ?? [], roles);
      const steps = account.comparable ? planSteps(account, actual) : [];
      if (steps.length === 0) continue;
      count(steps, progress);
      (steps.some((s) => s.do === 'leave') ? surplus : others).push(user.username);
    }
    await this.mark(surplus, PRIORITY.reduced);
    await this.mark(others, PRIORITY.bulk);
  }

  private async findMissing({ id, progress }: Run, seen: ReadonlySet<string>): Promise<void> {
    for (let after: string | undefined = NIL_UUID; after !== undefined;) {
      const rows: { id: string }[] = await this.database.query<{ id: string }>(expectedAfter, [after, id]);
      const missing = rows.map((row) => row.id).filter((account) => !seen.has(account));
      progress.missing += missing.length;
      progress.differing += missing.length;
      await this.mark(missing, PRIORITY.bulk);
      after = rows.at(-1)?.id;
    }
  }

  private async mark(ids: readonly string[], priority: number): Promise<void> {
    if (ids.length === 0) return;
    await markUnknown(this.database, ids, priority);
    this.reconciler.wake();
  }

  private async *pages<T>(list: (cursor: string | null) => Promise<{ items: T[]; next: string | null }>) {
    let cursor: string | null = null;
    do {
      const page = await this.patiently(() => list(cursor));
      yield page.items;
      cursor = page.next;
    } while (cursor !== null);
  }

  /** Repeats a throttled or failed call, so that one such call does not end a comparison that takes minutes. */
  private async patiently<T>(call: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      if (this.stopped) throw new Error('the service is shutting down');
      try {
        return await call();
      } catch (error) {
        const passing =
          error instanceof CognitoError && (error.errorClass === 'throttled' || error.errorClass === 'retry');
        if (!passing || attempt >= MAX_ATTEMPTS) throw error;
        await sleep(Math.min(200 * attempt, 2_000));
      }
    }
  }
}

function count(steps: readonly Step[], progress: PoolComparisonProgress): void {
  progress.differing++;
  if (steps.some((s) => s.do === 'update' || s.do === 'confirm')) progress.attributes++;
  if (steps.some((s) => s.do === 'leave' || s.do === 'join')) progress.groups++;
}
