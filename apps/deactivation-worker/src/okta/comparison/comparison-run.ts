/**
 * Runs one comparison of a tenant with its Okta app. The comparison only finds people to check. A check of each person
 * (checks/) must confirm the difference before access changes, so an incomplete list never ends anybody's access.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { OktaComparisonProgress } from '#contracts';
import { OktaError, type OktaAppUser } from '#okta';
import { NIL_UUID, type Database } from '#platform';
import type { PersonEntity } from '../../access/person.entity.js';
import type { OktaOrg } from '../orgs.js';
import { addChecks, checksLeft, countWithAccess, peopleOfPage, renewRun, withAccessAfter } from './comparison.sql.js';
import { driftOf, nameOf, needsCheck, note, type Counterpart } from './drift.js';

export interface ComparisonTask {
  readonly id: string;
  readonly tenant: string;
  readonly org: OktaOrg;
  readonly force: boolean;
  readonly progress: OktaComparisonProgress;
}

export class ComparisonFailed extends Error {
  constructor(
    message: string,
    readonly code: 'interrupted' | 'okta_app_empty' | 'unanswered',
  ) {
    super(message);
    this.name = 'ComparisonFailed';
  }
}

type PersonWithAccess = Pick<PersonEntity, 'id' | 'externalId' | 'userName' | 'oktaState' | 'deleted'>;

const BATCH = 500;
const POLL_MS = 200;
/**
 * Limit of the time for which a comparison waits for its checks. A thousand checks at Okta's slowest rate limit take
 * less.
 */
const CHECKS_LIMIT_MS = 15 * 60_000;

export class ComparisonRun {
  constructor(
    private readonly database: Database,
    private readonly task: ComparisonTask,
    private readonly added: () => void,
    private readonly signal: AbortSignal,
  ) {}

  async run(): Promise<void> {
    const { progress } = this.task;
    const suspended = await this.listSuspended();
    progress.phase = 'assigned';
    const assigned = await this.compareAssigned(suspended);
    progress.phase = 'access';
    await this.findMissing(assigned);
    progress.phase = 'checks';
    await this.untilChecked();
    progress.phase = 'done';
  }

  /** Lists suspended users separately, because the list of the app's users does not show suspensions. */
  private async listSuspended(): Promise<ReadonlySet<string>> {
    const suspended = new Set<string>();
    for await (const { id } of this.task.org.patient.users({ filter: 'status eq "SUSPENDED"' })) {
      suspended.add(id);
      if (suspended.size % BATCH === 0) await this.renew();
    }
    return suspended;
  }

  private async compareAssigned(suspended: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const { org, progress } = this.task;
    const assigned = new Set<string>();
    let batch: OktaAppUser[] = [];
    for await (const user of org.patient.appUsers(org.appId)) {
      if (assigned.has(user.id)) continue;
      assigned.add(user.id);
      batch.push(user);
      if (batch.length < BATCH) continue;
      await this.compareBatch(batch, suspended);
      batch = [];
    }
    await this.compareBatch(batch, suspended);
    progress.oktaUsers = assigned.size;
    return assigned;
  }

  private async compareBatch(users: readonly OktaAppUser[], suspended: ReadonlySet<string>): Promise<void> {
    const { tenant, progress } = this.task;
    const rows = await this.database.query<Counterpart>(peopleOfPage, [tenant, users.map((user) => user.id)]);
    const here = new Map(rows.map((row) => [row.externalId, row]));
    const toCheck: string[] = [];
    for (const user of users) {
      const counterpart = here.get(user.id);
      const kind = driftOf(counterpart, suspended.has(user.id));
      if (kind === null) continue;
      note(progress, kind, counterpart?.userName ?? nameOf(user));
      if (needsCheck(kind, counterpart)) toCheck.push(user.id);
    }
    await this.addChecks(toCheck);
    progress.oktaUsers += users.length;
    await this.renew();
  }

  /**
   * Finds people who are not in Okta's list. The whole list must be read first, because a person on an unread page is
   * not missing.
   */
  private async findMissing(assigned: ReadonlySet<string>): Promise<void> {
    const { tenant, progress, org } = this.task;
    await this.refuseEmptyApp(assigned.size);
    for (let after: string = NIL_UUID; ;) {
      const rows: PersonWithAccess[] = await this.database.query(withAccessAfter, [tenant, after]);
      const missing: string[] = [];
      for (const { externalId, userName, oktaState, deleted } of rows) {
        if (externalId === null) note(progress, 'without_okta_id', userName);
        else if (!assigned.has(externalId)) {
          note(progress, 'missing_in_okta', userName);
          // With `oktaState`, or after a deletion, the person's case is already pending, so no check is needed.
          if (org.deactivateOnOffboard && oktaState === null && !deleted) missing.push(externalId);
        }
      }
      await this.addChecks(missing);
      progress.people += rows.length;
      await this.renew();
      const last = rows.at(-1);
      if (!last) return;
      after = last.id;
    }
  }

  /**
   * Refuses an app without users while people have access here. Such an app is usually the wrong app, or was emptied by
   * mistake. The brake would hold most of the losses, but not the first ones.
   */
  private async refuseEmptyApp(assigned: number): Promise<void> {
    if (assigned > 0 || this.task.force) return;
    const [row] = await this.database.query<{ people: number }>(countWithAccess, [this.task.tenant]);
    if (!row?.people) return;
    throw new ComparisonFailed(
      `Okta says that nobody is assigned to the app, while ${row.people} people have access here. Check the app id of the connection. If the app really has no users, compare again and accept the empty app.`,
      'okta_app_empty',
    );
  }

  private async addChecks(users: readonly string[]): Promise<void> {
    if (users.length === 0) return;
    await this.database.query(addChecks, [this.task.tenant, users, this.task.id]);
    this.added();
  }

  private async untilChecked(): Promise<void> {
    for (const deadline = performance.now() + CHECKS_LIMIT_MS; ;) {
      const [row] = await this.database.query<{ waiting: number; error: string | null }>(checksLeft, [this.task.id]);
      if (!row?.waiting) return;
      if (performance.now() >= deadline)
        throw new ComparisonFailed(
          `${row.waiting} people could not be checked in Okta yet. They stay in the queue. ${row.error ?? ''}`.trim(),
          'unanswered',
        );
      await this.renew();
      await sleep(POLL_MS, undefined, { signal: this.signal }).catch(() => this.throwIfStopped());
    }
  }

  private async renew(): Promise<void> {
    this.throwIfStopped();
    const { id, progress } = this.task;
    const renewed = await this.database.query(renewRun, [id, JSON.stringify(progress)]);
    if (renewed.length === 0)
      throw new ComparisonFailed('The comparison made no progress for too long and was ended.', 'interrupted');
  }

  private throwIfStopped(): void {
    if (this.signal.aborted) throw new ComparisonFailed('The service was stopped.', 'interrupted');
  }
}

export const failureOf = (error: unknown): { text: string; code: string } =>
  error instanceof OktaError || error instanceof ComparisonFailed
    ? { text: error.message, code: error.code }
    : { text: 'Something failed on our side. The log of deactivation-worker has the details.', code: 'internal' };
