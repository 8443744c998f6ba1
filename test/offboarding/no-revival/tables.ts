/**
 * A model in memory of the worker's rows of people and its statements on them. It runs thousands of histories in seconds,
 * with a clock that tests set. statements.spec.ts shows that Postgres decides the same. `without` leaves one gate out.
 */
import type { CognitoAccess, OktaState } from '#contracts';
import type { Consequences, PersonState } from '../../../apps/deactivation-worker/src/access/access.js';
import { LATE_CALL_SECONDS } from '../../../apps/deactivation-worker/src/cognito/access-queue.sql.js';
import type { Step } from '../../../apps/deactivation-worker/src/cognito/plan.js';

/** The conditions in the statements that P3 depends on, each by itself. */
export const GATES = [
  'directory',
  'account',
  'okta',
  'revision',
  'late calls',
  'outbox',
  'second sign-out',
  'first fence',
  'hold',
  'fence never back',
  "fence by Cognito's clock",
] as const;
export type Gate = (typeof GATES)[number];

export interface Row extends PersonState {
  directoryVersion: number;
  active: boolean;
  deleted: boolean;
  accountVersion: number;
  provisioned: boolean;
  roles: string[];
  oktaState: OktaState | null;
  oktaStateAt: number | null;
  desiredAccess: CognitoAccess;
  revision: number;
  accessVersion: number;
  publishedStatus: PersonState['publishedStatus'];
  publishedRoles: string[];
  notBefore: number | null;
  actualAccess: CognitoAccess | null;
  signOutDue: boolean;
  lateCallsUntil: number | null;
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
  desiredAccess: 'disabled',
  revision: 0,
  accessVersion: 0,
  publishedStatus: null,
  publishedRoles: [],
  notBefore: null,
  actualAccess: null,
  signOutDue: false,
  lateCallsUntil: null,
  due: false,
  leaseOwner: null,
  unfinished: null,
});

export interface DirectoryChange {
  readonly version: number;
  readonly active: boolean;
  readonly deleted: boolean;
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

  storeUser(row: Row, change: DirectoryChange): boolean {
    if (!this.passes('directory', row.directoryVersion < change.version) || row.deleted) return false;
    const gone = row.oktaState === 'deprovisioned' || row.oktaState === 'unassigned';
    const reactivated = row.directoryVersion > 0 && !row.active && change.active;
    if (reactivated && gone && (row.oktaStateAt ?? 0) < change.time) row.oktaState = null;
    row.directoryVersion = change.version;
    row.active = change.active;
    row.deleted = change.deleted;
    return true;
  }

  storeAccount(row: Row, version: number, roles: readonly string[]): boolean {
    if (!this.passes('account', row.accountVersion < version)) return false;
    row.accountVersion = version;
    row.provisioned = true;
    row.roles = [...roles];
    return true;
  }

  storeOktaState(row: Row, state: OktaState | null, at: number): boolean {
    if (row.deleted || !this.passes('okta', row.oktaStateAt === null || row.oktaStateAt < at)) return false;
    row.oktaState = state;
    row.oktaStateAt = at;
    return true;
  }

  apply(row: Row, { desiredAccess, work, signOut, publish }: Consequences): void {
    row.desiredAccess = desiredAccess ?? row.desiredAccess;
    row.signOutDue ||= signOut;
    if (work) this.wake(row);
    if (!publish) return;
    row.accessVersion++;
    row.publishedStatus = publish.status;
    row.publishedRoles = [...publish.roles];
  }

  admit(row: Row): void {
    row.unfinished = 'running';
    row.desiredAccess = 'disabled';
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

  /** `ownerIsDead`: whether another owner of the lease counts as dead. */
  claim(row: Row, worker: string, ownerIsDead: boolean): boolean {
    if (!row.due || !(row.leaseOwner === null || (row.leaseOwner !== worker && ownerIsDead))) return false;
    const takenOver = row.leaseOwner !== null;
    const overdue = row.lateCallsUntil !== null && row.lateCallsUntil <= this.clock();
    if (takenOver || overdue) row.actualAccess = null;
    row.lateCallsUntil = takenOver ? this.lateCallsUntil() : overdue ? null : row.lateCallsUntil;
    row.leaseOwner = worker;
    return true;
  }

  private lateCallsUntil(): number | null {
    return this.without === 'late calls' ? null : this.clock() + LATE_CALL_SECONDS * 1000;
  }

  private unchanged(row: Row, revision: number): boolean {
    return this.passes('revision', row.revision === revision);
  }

  /** `step` null = Cognito has no such user. */
  record(row: Row, worker: string, revision: number, actual: CognitoAccess | null, step: Step | null): boolean {
    if (row.leaseOwner !== worker) return false;
    row.actualAccess = actual;
    if (step === 'disable') row.signOutDue ||= this.without !== 'second sign-out';
    else if ((step === 'sign-out' || step === null) && this.unchanged(row, revision)) row.signOutDue = false;
    return true;
  }

  /** `waiting`: the fence is still in the outbox, not published. */
  complete(row: Row, worker: string, revision: number, actual: CognitoAccess | null, waiting: boolean): boolean {
    if (row.leaseOwner !== worker || !this.unchanged(row, revision) || row.desiredAccess !== 'disabled') return false;
    if (row.lateCallsUntil !== null || !this.passes('outbox', !waiting)) return false;
    this.end(row);
    row.actualAccess = actual;
    row.signOutDue = false;
    if (row.unfinished === 'running') row.unfinished = null;
    return true;
  }

  /** `enabledAt`: Cognito's clock. */
  lift(row: Row, worker: string, revision: number, actual: CognitoAccess | null, enabledAt: number | null): boolean {
    if (row.leaseOwner !== worker || !this.unchanged(row, revision)) return false;
    if (row.desiredAccess !== 'enabled' || row.publishedStatus === 'active') return false;
    this.end(row);
    row.due = row.lateCallsUntil !== null;
    row.actualAccess = actual;
    row.signOutDue = false;
    row.accessVersion++;
    row.publishedStatus = 'active';
    row.publishedRoles = row.roles;
    row.notBefore = (Math.floor((enabledAt ?? this.clock()) / 1000) + 1) * 1000;
    if (row.unfinished === 'running') row.unfinished = null;
    return true;
  }

  /** Universal Logout. */
  requestSignOut(row: Row): boolean {
    if (row.desiredAccess !== 'enabled') return false;
    if (!row.due) row.actualAccess ??= 'enabled';
    this.wake(row);
    row.signOutDue = true;
    if (row.publishedStatus !== 'active') return true;
    row.accessVersion++;
    if (this.passes('first fence', false)) return true;
    row.notBefore = this.notBack(row, this.clock());
    return true;
  }

  hold(row: Row): boolean {
    row.unfinished = 'held';
    return !this.passes('hold', false) && this.requestSignOut(row);
  }

  /** A person who keeps access was signed out. `at`: Cognito's clock. */
  signedOut(row: Row, worker: string, revision: number, actual: CognitoAccess | null, at: number | null): boolean {
    if (row.leaseOwner !== worker || !this.unchanged(row, revision)) return false;
    if (row.desiredAccess !== 'enabled' || row.publishedStatus !== 'active') return false;
    row.actualAccess = actual;
    row.signOutDue = false;
    row.accessVersion++;
    const by = this.passes("fence by Cognito's clock", at === null) ? this.clock() : (at ?? 0);
    row.notBefore = this.notBack(row, (Math.floor(by / 1000) + 1) * 1000);
    return true;
  }

  private notBack({ notBefore }: Row, fence: number): number {
    return this.passes('fence never back', notBefore === null || notBefore <= fence) ? fence : (notBefore ?? fence);
  }

  /** `waiting`: the fence is still in the outbox, not published. */
  endEnabling(row: Row, worker: string, revision: number, waiting: boolean): boolean {
    if (row.leaseOwner !== worker || !this.unchanged(row, revision) || (row.unfinished === 'held' && waiting))
      return false;
    if (row.desiredAccess !== 'enabled' || row.lateCallsUntil !== null) return false;
    this.end(row);
    return true;
  }

  handBack(row: Row, worker: string): void {
    if (row.leaseOwner === worker) row.leaseOwner = null;
  }

  /** `stateUnknown`: the call may have taken effect, or still may. */
  fail(row: Row, worker: string, stateUnknown: boolean): boolean {
    if (row.leaseOwner !== worker) return false;
    row.leaseOwner = null;
    if (stateUnknown) this.forgetState(row);
    row.due = true;
    return true;
  }

  /** The lease was lost while a call was under way. */
  reread(row: Row): void {
    row.revision++;
    this.forgetState(row);
    row.due = true;
  }

  /** Recording a step failed: the process gives up its lease on a person it no longer works on. */
  forget(row: Row): void {
    row.leaseOwner = null;
    this.forgetState(row);
    row.due = true;
  }

  private forgetState(row: Row): void {
    row.actualAccess = null;
    row.lateCallsUntil = this.lateCallsUntil();
  }

  private end(row: Row): void {
    row.due = false;
    row.leaseOwner = null;
  }
}
