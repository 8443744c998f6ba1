/**
 * One comparison of a tenant with its Okta app. It only finds whom to ask about: each difference that would give or take
 * access is confirmed by a question about that one person (checks/), so that no list alone, torn or torn off, decides.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { OktaError, type OktaAppUser } from '#okta';
import type { Database } from '#platform';
import type { OktaOrg } from '../orgs.js';
import { askAbout, askedStill, countOpen, openAfter, peopleOfPage, signOfLife } from './compare.sql.js';
import { driftOf, isNews, nameOf, note, type CompareProgress, type Counterpart, type OpenPerson } from './drift.js';

export interface CompareTask {
  readonly id: string;
  readonly tenant: string;
  readonly org: OktaOrg;
  /** Believe an app without users. */
  readonly force: boolean;
  readonly progress: CompareProgress;
}

export class CompareInterrupted extends Error {
  constructor(
    message: string,
    readonly code: 'interrupted' | 'okta_app_empty' | 'unanswered',
  ) {
    super(message);
    this.name = 'CompareInterrupted';
  }
}

const BATCH = 500;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';
const LOOK_EVERY_MS = 200;
/** Longer than Okta's longest rate-limit window needs for a thousand questions. */
const PATIENCE_MS = 15 * 60_000;

export class CompareRun {
  constructor(
    private readonly database: Database,
    private readonly task: CompareTask,
    /** Told after people were put into the queue. */
    private readonly queued: () => void,
    private readonly signal: AbortSignal,
  ) {}

  async run(): Promise<void> {
    const { progress } = this.task;
    const suspended = await this.listSuspended();
    progress.phase = 'assigned';
    const assigned = await this.compareAssigned(suspended);
    progress.phase = 'here';
    await this.findMissing(assigned);
    progress.phase = 'asking';
    await this.untilAsked();
    progress.phase = 'done';
  }

  /** The app's list does not show a suspension (libs/okta). */
  private async listSuspended(): Promise<ReadonlySet<string>> {
    const suspended = new Set<string>();
    for await (const { id } of this.task.org.patient.users({ filter: 'status eq "SUSPENDED"' })) {
      suspended.add(id);
      if (suspended.size % BATCH === 0) await this.goOn();
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
    const ids = users.map((user) => user.id);
    const rows = await this.database.query<Counterpart>(peopleOfPage, [tenant, ids]);
    const here = new Map(rows.map((row) => [row.external_id, row]));
    const doubtful: string[] = [];
    for (const user of users) {
      const counterpart = here.get(user.id);
      const kind = driftOf(counterpart, suspended.has(user.id));
      if (kind === null) continue;
      note(progress, kind, counterpart?.user_name ?? nameOf(user));
      if (isNews(kind, counterpart)) doubtful.push(user.id);
    }
    await this.ask(doubtful);
    progress.oktaUsers += users.length;
    await this.goOn();
  }

  /** Only after the whole list was read: who does not stand on an unread page is not missing. */
  private async findMissing(assigned: ReadonlySet<string>): Promise<void> {
    const { tenant, progress } = this.task;
    await this.refuseEmptyApp(assigned.size);
    const { deactivateOnOffboard } = this.task.org;
    for (let after = FIRST_ID; ;) {
      const rows: OpenPerson[] = await this.database.query<OpenPerson>(openAfter, [tenant, after]);
      const missing: string[] = [];
      for (const person of rows) {
        if (person.external_id === null) note(progress, 'without_okta_id', person.user_name);
        else if (!assigned.has(person.external_id)) {
          note(progress, 'missing_in_okta', person.user_name);
          // Who is held by the brake has the word of Okta on his row already.
          if (deactivateOnOffboard && person.okta_state === null) missing.push(person.external_id);
        }
      }
      await this.ask(missing);
      progress.people += rows.length;
      await this.goOn();
      const last = rows.at(-1);
      if (!last) return;
      after = last.id;
    }
  }

  /**
   * An app that suddenly has nobody is the wrong app, or one that was emptied by mistake, more often than a decision.
   * The brake would hold most of it, but would let the first ones through.
   */
  private async refuseEmptyApp(assigned: number): Promise<void> {
    if (assigned > 0 || this.task.force) return;
    const [row] = await this.database.query<{ open: number }>(countOpen, [this.task.tenant]);
    if (!row?.open) return;
    throw new CompareInterrupted(
      `Okta says that nobody is assigned to the app, while ${row.open} people have access here. Check the app id of the connection; if it is true, compare again with --force.`,
      'okta_app_empty',
    );
  }

  private async ask(users: readonly string[]): Promise<void> {
    if (users.length === 0) return;
    await this.database.query(askAbout, [this.task.tenant, users, this.task.id]);
    this.queued();
  }

  private async untilAsked(): Promise<void> {
    for (const deadline = performance.now() + PATIENCE_MS; ;) {
      const [row] = await this.database.query<{ waiting: number; error: string | null }>(askedStill, [this.task.id]);
      if (!row?.waiting) return;
      if (performance.now() >= deadline)
        throw new CompareInterrupted(
          `${row.waiting} people could not be asked about yet; they stay in the queue. ${row.error ?? ''}`.trim(),
          'unanswered',
        );
      await this.goOn();
      await sleep(LOOK_EVERY_MS, undefined, { signal: this.signal }).catch(() => this.stopIfAsked());
    }
  }

  private async goOn(): Promise<void> {
    this.stopIfAsked();
    const alive = await this.database.query(signOfLife, [this.task.id, JSON.stringify(this.task.progress)]);
    if (alive.length === 0) throw new CompareInterrupted('It was silent for too long and was given up.', 'interrupted');
  }

  private stopIfAsked(): void {
    if (this.signal.aborted) throw new CompareInterrupted('The service was stopped.', 'interrupted');
  }
}

/** For the run's row: what the administrator reads. */
export const failureOf = (error: unknown): { text: string; code: string } =>
  error instanceof OktaError || error instanceof CompareInterrupted
    ? { text: error.message, code: error.code }
    : { text: 'Something failed on our side; the log of deactivation-worker says what.', code: 'internal' };
