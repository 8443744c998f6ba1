/**
 * The worker's rows of people and the statements on them, in memory: thousands of histories in seconds, with a clock
 * that tests turn. statements.spec.ts shows that Postgres decides the same. `without` leaves one gate out.
 */
import type { Consequences, Door, DoorState, OktaState } from '../../../apps/deactivation-worker/src/people/closing.js';
import { DOUBT_SECONDS } from '../../../apps/deactivation-worker/src/doors/door.sql.js';
import type { Step } from '../../../apps/deactivation-worker/src/doors/plan.js';

/** Of the conditions in the statements those that P3 hangs on, each by itself. */
export const GATES = [
  'directory',
  'account',
  'okta',
  'revision',
  'doubt',
  'outbox',
  'second sign-out',
  'first fence',
  'fence never back',
  "fence by Cognito's clock",
] as const;
export type Gate = (typeof GATES)[number];

export interface Row extends DoorState {
  directoryVersion: number;
  active: boolean;
  deleted: boolean;
  accountVersion: number;
  provisioned: boolean;
  roles: readonly string[];
  oktaState: OktaState | null;
  oktaStateAt: number | null;
  door: Door;
  revision: number;
  accessVersion: number;
  publishedStatus: DoorState['publishedStatus'];
  publishedRoles: readonly string[];
  notBefore: number | null;
  enabled: boolean | null;
  signOutDue: boolean;
  doubtUntil: number | null;
  due: boolean;
  leaseOwner: string | null;
  unfinished: 'new' | 'held' | 'running' | null;
}

export const newRow = (): Row => ({
  directoryVersion: 0,
  active: false,
  deleted: false,
  accountVersion: 0,
  provisioned: false,
  roles: [],
  oktaState: null,
  oktaStateAt: null,
  door: 'closed',
  revision: 0,
  accessVersion: 0,
  publishedStatus: null,
  publishedRoles: [],
  notBefore: null,
  enabled: null,
  signOutDue: false,
  doubtUntil: null,
  due: false,
  leaseOwner: null,
  unfinished: null,
});

export interface DirectoryNews {
  readonly version: number;
  readonly active: boolean;
  readonly deleted: boolean;
  readonly reactivated: boolean;
  readonly time: number;
}

export class Statements {
  constructor(
    private readonly clock: () => number,
    private readonly without: Gate | null = null,
  ) {}

  private passes(gate: Gate, condition: boolean): boolean {
    return this.without === gate || condition;
  }

  projectDirectory(row: Row, news: DirectoryNews): boolean {
    if (!this.passes('directory', row.directoryVersion < news.version) || row.deleted) return false;
    const gone = row.oktaState === 'deprovisioned' || row.oktaState === 'missing';
    if (news.reactivated && gone && (row.oktaStateAt ?? 0) < news.time) row.oktaState = null;
    row.directoryVersion = news.version;
    row.active = news.active;
    row.deleted = news.deleted;
    return true;
  }

  projectAccount(row: Row, version: number, roles: readonly string[]): boolean {
    if (!this.passes('account', row.accountVersion < version)) return false;
    row.accountVersion = version;
    row.provisioned = true;
    row.roles = roles;
    return true;
  }

  projectOkta(row: Row, state: OktaState | null, at: number): boolean {
    if (row.deleted || !this.passes('okta', row.oktaStateAt === null || row.oktaStateAt < at)) return false;
    row.oktaState = state;
    row.oktaStateAt = at;
    return true;
  }

  apply(row: Row, { door, work, signOut, publish }: Consequences): void {
    row.door = door ?? row.door;
    row.signOutDue ||= signOut;
    if (work) this.wake(row);
    if (!publish) return;
    row.accessVersion++;
    row.publishedStatus = publish.status;
    row.publishedRoles = publish.roles;
  }

  admit(row: Row): void {
    row.unfinished = 'running';
    row.door = 'closed';
    this.wake(row);
    row.signOutDue = true;
    row.accessVersion++;
    row.notBefore = this.notBack(row, this.clock());
    row.publishedStatus = row.deleted ? 'removed' : 'inactive';
    row.publishedRoles = [];
  }

  private wake(row: Row): void {
    row.revision++;
    row.due = true;
  }

  /** The caller says whether the owner, if there is another one, counts as dead. */
  claim(row: Row, worker: string, ownerIsDead: boolean): boolean {
    if (!row.due || !(row.leaseOwner === null || (row.leaseOwner !== worker && ownerIsDead))) return false;
    const takenOver = row.leaseOwner !== null;
    const overdue = row.doubtUntil !== null && row.doubtUntil <= this.clock();
    if (takenOver || overdue) row.enabled = null;
    row.doubtUntil = takenOver ? this.doubt() : overdue ? null : row.doubtUntil;
    row.leaseOwner = worker;
    return true;
  }

  private doubt(): number | null {
    return this.without === 'doubt' ? null : this.clock() + DOUBT_SECONDS * 1000;
  }

  private unchanged(row: Row, revision: number): boolean {
    return this.passes('revision', row.revision === revision);
  }

  /** `step` null = Cognito has no such user. */
  record(row: Row, worker: string, revision: number, enabled: boolean | null, step: Step | null): boolean {
    if (row.leaseOwner !== worker) return false;
    row.enabled = enabled;
    if (step === 'disable') row.signOutDue ||= this.without !== 'second sign-out';
    else if ((step === 'sign-out' || step === null) && this.unchanged(row, revision)) row.signOutDue = false;
    return true;
  }

  /** `waiting`: the fence is still in the outbox. */
  complete(row: Row, worker: string, revision: number, enabled: boolean | null, waiting: boolean): boolean {
    if (row.leaseOwner !== worker || !this.unchanged(row, revision) || row.door !== 'closed') return false;
    if (row.doubtUntil !== null || !this.passes('outbox', !waiting)) return false;
    this.end(row);
    row.enabled = enabled;
    row.signOutDue = false;
    if (row.unfinished === 'running') row.unfinished = null;
    return true;
  }

  /** `enabledAt`: Cognito's clock. */
  lift(row: Row, worker: string, revision: number, enabled: boolean | null, enabledAt: number | null): boolean {
    if (row.leaseOwner !== worker || !this.unchanged(row, revision)) return false;
    if (row.door !== 'open' || row.publishedStatus === 'active') return false;
    this.end(row);
    row.due = row.doubtUntil !== null;
    row.enabled = enabled;
    row.signOutDue = false;
    row.accessVersion++;
    row.publishedStatus = 'active';
    row.publishedRoles = row.roles;
    row.notBefore = (Math.floor((enabledAt ?? this.clock()) / 1000) + 1) * 1000;
    if (row.unfinished === 'running') row.unfinished = null;
    return true;
  }

  /** Universal Logout. */
  askSignOut(row: Row): boolean {
    if (row.door !== 'open') return false;
    if (!row.due) row.enabled ??= true;
    this.wake(row);
    row.signOutDue = true;
    if (row.publishedStatus !== 'active') return true;
    row.accessVersion++;
    if (this.passes('first fence', false)) return true;
    row.notBefore = this.notBack(row, this.clock());
    return true;
  }

  /** Signed out behind an open door. `at`: Cognito's clock. */
  signedOut(row: Row, worker: string, revision: number, enabled: boolean | null, at: number | null): boolean {
    if (row.leaseOwner !== worker || !this.unchanged(row, revision)) return false;
    if (row.door !== 'open' || row.publishedStatus !== 'active') return false;
    row.enabled = enabled;
    row.signOutDue = false;
    row.accessVersion++;
    const by = this.passes("fence by Cognito's clock", at === null) ? this.clock() : (at ?? 0);
    row.notBefore = this.notBack(row, (Math.floor(by / 1000) + 1) * 1000);
    return true;
  }

  private notBack({ notBefore }: Row, fence: number): number {
    return this.passes('fence never back', notBefore === null || notBefore <= fence) ? fence : (notBefore ?? fence);
  }

  endOpening(row: Row, worker: string, revision: number): boolean {
    if (row.leaseOwner !== worker || !this.unchanged(row, revision)) return false;
    if (row.door !== 'open' || row.doubtUntil !== null) return false;
    this.end(row);
    return true;
  }

  handBack(row: Row, worker: string): void {
    if (row.leaseOwner === worker) row.leaseOwner = null;
  }

  /** `inDoubt`: the call may have been, or may still be carried out. */
  fail(row: Row, worker: string, inDoubt: boolean): boolean {
    if (row.leaseOwner !== worker) return false;
    row.leaseOwner = null;
    if (inDoubt) this.doubtful(row);
    row.due = true;
    return true;
  }

  /** The lease was lost while a call was under way. */
  distrust(row: Row): void {
    row.revision++;
    this.doubtful(row);
    row.due = true;
  }

  /** A record failed: the process lets go of somebody on whom it works no longer. */
  forget(row: Row): void {
    row.leaseOwner = null;
    this.doubtful(row);
    row.due = true;
  }

  private doubtful(row: Row): void {
    row.enabled = null;
    row.doubtUntil = this.doubt();
  }

  private end(row: Row): void {
    row.due = false;
    row.leaseOwner = null;
  }
}
