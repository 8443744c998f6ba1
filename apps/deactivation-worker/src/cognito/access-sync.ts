/**
 * Makes one person's access in Cognito equal to the desired access. Each step is recorded before the next one begins.
 */
import { Injectable } from '@nestjs/common';
import { CognitoError, UserPool, type Urgency } from '#cognito';
import type { CognitoAccess } from '#contracts';
import { Outbox } from '#event-bus';
import { Database, Metrics, type Tx } from '#platform';
import { accessEvent, type PublishedAccess } from '../access/access-event.js';
import type { PersonEntity } from '../access/person.entity.js';
import { caseEvent, type CaseRow } from '../cases/case-event.js';
import { stepSeconds } from '../cases/case-metrics.js';
import {
  comeBackLater,
  completeCase,
  endEnabling,
  fenceSignedOut,
  handBack,
  liftFence,
  recordStep,
  reread,
  type WorkRow,
} from './access-queue.sql.js';
import { nextStep, type AccessState, type CognitoState, type Step } from './plan.js';

/** A person's state as this process knows it. It is valid while the process holds the lease on the person. */
export interface Work extends AccessState, Omit<WorkRow, 'actualAccess'> {}

export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

export class StepFailure extends Error {
  constructor(
    readonly failure: CognitoError,
    /** Whether the call may have enabled or disabled the user, or may still do so. */
    readonly stateUnknown: boolean,
    /** Revision of the person when the step began. */
    readonly revision: number,
  ) {
    super(failure.message);
    this.name = 'StepFailure';
  }
}

/** Priority of each step's call in the Cognito quota: `offboarding` comes first. */
const URGENCY: Readonly<Record<Step, Urgency>> = {
  disable: 'offboarding',
  'sign-out': 'urgent',
  confirm: 'offboarding',
  enable: 'urgent',
  lift: 'urgent',
  end: 'urgent',
};

@Injectable()
export class AccessSync {
  private readonly seconds;

  constructor(
    private readonly database: Database,
    private readonly pool: UserPool,
    private readonly outbox: Outbox,
    metrics: Metrics,
  ) {
    this.seconds = stepSeconds(metrics);
  }

  /**
   * Does the next step. Resolves with the person's state for the following step, or with null if this process has ended
   * its lease on the person.
   */
  async step(work: Work): Promise<Work | null> {
    const step = nextStep(work);
    if (step === 'end') return this.end(work);
    if (step === 'lift') return this.lift(work, 'absent', null);
    let actual: CognitoState;
    let at: Date | null = null;
    try {
      ({ actual, at } = await this.call(work, step));
    } catch (error) {
      if (!(error instanceof CognitoError)) throw error;
      if (error.errorClass !== 'missing_user') {
        const changesState = step === 'disable' || step === 'enable';
        throw new StepFailure(error, changesState && error.errorClass === 'retry', work.revision);
      }
      actual = 'absent';
    }
    if (step === 'confirm') return this.confirmed({ ...work, actualAccess: actual });
    if (step === 'enable' && actual === 'enabled' && !work.lifted) return this.lift(work, actual, at);
    if (step === 'sign-out' && work.desiredAccess === 'enabled' && work.lifted) return this.signedOut(work, actual, at);
    return this.record(work, step, actual);
  }

  /** `at` is the time, by Cognito's clock, at which Cognito finished the call; null if the step does not need it. */
  private async call(
    { id, actualAccess, heldInBulk }: Work,
    step: 'disable' | 'sign-out' | 'confirm' | 'enable',
  ): Promise<{ actual: CognitoState; at: Date | null }> {
    // The sign-outs of a mass of held people must not delay the end of anybody's access.
    const urgency = heldInBulk && step === 'sign-out' ? 'bulk' : URGENCY[step];
    switch (step) {
      case 'disable':
        await this.pool.disableUser(id, urgency);
        return { actual: 'disabled', at: null };
      case 'sign-out':
        return { at: await this.pool.signOut(id, urgency), actual: actualAccess };
      case 'enable':
        return { at: await this.pool.enableUser(id, urgency), actual: 'enabled' };
      case 'confirm': {
        const user = await this.pool.getUser(id, urgency);
        return { actual: user === null ? 'absent' : user.enabled ? 'enabled' : 'disabled', at: null };
      }
    }
  }

  private async record(work: Work, step: Step, actual: CognitoState): Promise<Work> {
    const isAbsent = actual === 'absent';
    const [row] = await this.database.query<WorkRow & { seconds: number | null }>(recordStep, [
      work.id,
      work.leaseOwner,
      stored(actual),
      step === 'sign-out' || isAbsent,
      work.revision,
      // If Cognito has no such user, the call did nothing, so the case gets no time for this step.
      isAbsent ? null : step,
    ]);
    if (!row) throw new LeaseLost();
    if (row.seconds !== null && actual === 'disabled')
      this.seconds.observe({ step: step === 'disable' ? 'disabled' : 'signed_out' }, row.seconds);
    return withState(row, work, actual);
  }

  private async confirmed(work: Work): Promise<Work | null> {
    if (work.desiredAccess === 'enabled' || work.actualAccess === 'enabled') return work;
    const completed = await this.database.tx((tx) => this.complete(tx, work));
    return completed ? null : this.continueLater(work);
  }

  private async complete(tx: Tx, work: Work): Promise<boolean> {
    const parameters = [work.id, work.leaseOwner, work.revision, stored(work.actualAccess)];
    const [row] = await tx.query<CaseOrNone & { seconds: number | null }>(completeCase, parameters);
    if (!row) return false;
    if (row.id !== null) {
      await this.outbox.add(tx, [caseEvent('completed', row)]);
      tx.afterCommit(() => this.seconds.observe({ step: 'confirmed' }, row.seconds ?? 0));
    }
    return true;
  }

  private async lift(work: Work, actual: CognitoState, enabledAt: Date | null): Promise<Work | null> {
    const lifted = await this.database.tx((tx) => this.liftFence(tx, work, actual, enabledAt));
    // The fence was not lifted, because access is no longer desired. Record that Cognito enabled the user, so that the
    // next step disables the user.
    return lifted ? null : this.record(work, 'enable', actual);
  }

  private async liftFence(tx: Tx, work: Work, actual: CognitoState, enabledAt: Date | null): Promise<boolean> {
    const { id, tenant, leaseOwner, revision } = work;
    const [row] = await tx.query<LiftedRow>(liftFence, [id, leaseOwner, revision, stored(actual), enabledAt]);
    if (!row) return false;
    const { liftCausationId: causationId, liftTraceparent: traceparent } = row;
    const access = accessEvent({ ...row, id, tenant, publishedStatus: 'active', causationId, traceparent }, true);
    await this.outbox.add(tx, row.id === null ? [access] : [access, caseEvent('superseded', row, causationId)]);
    return true;
  }

  /**
   * Records the sign-out of a person who keeps their access, and moves the fence from the time of our clock to the time
   * of Cognito's clock. If the process dies before the commit, the sign-out stays due and is repeated.
   */
  private async signedOut(work: Work, actual: CognitoState, at: Date | null): Promise<Work> {
    const parameters = [work.id, work.leaseOwner, work.revision, stored(actual), at];
    const row = await this.database.tx(async (tx) => {
      const [fenced] = await tx.query<WorkRow & PublishedAccess>(fenceSignedOut, parameters);
      if (fenced) await this.outbox.add(tx, [accessEvent(fenced, true)]);
      return fenced;
    });
    // No row means that the person changed during the call. Then `record` stores the step, but keeps the sign-out due.
    return row ? withState(row, work, actual) : this.record(work, 'sign-out', actual);
  }

  private async end(work: Work): Promise<Work | null> {
    const rows = await this.database.query(endEnabling, [work.id, work.leaseOwner, work.revision]);
    return rows.length > 0 ? null : this.continueLater(work);
  }

  /**
   * Continues work that could not end: the revision increased, a late call may still change the user, or the fence is
   * not published yet.
   */
  private async continueLater(work: Work): Promise<Work | null> {
    const [row] = await this.database.query<WorkRow>(reread, [work.id, work.leaseOwner]);
    if (!row) throw new LeaseLost();
    if (row.revision !== work.revision) return row;
    await this.database.query(comeBackLater, [work.id, work.leaseOwner]);
    return null;
  }

  async giveBack(work: Work, pauseSeconds: number): Promise<void> {
    await this.database.query(handBack, [work.id, work.leaseOwner, pauseSeconds]);
  }
}

/** Without a running case, all columns of the case are null. */
type CaseOrNone = CaseRow | (Omit<CaseRow, 'id'> & { readonly id: null });
type LiftedRow = CaseOrNone &
  Pick<PersonEntity, 'accessVersion' | 'publishedRoles' | 'notBefore'> & {
    readonly liftCausationId: string;
    readonly liftTraceparent: string | null;
  };

/** The column `actual_access` is null both for an absent user and for an unknown state. */
const stored = (actual: CognitoState): CognitoAccess | null => (actual === 'absent' ? null : actual);

/** Keeps the state `absent`, which the column cannot store, until the revision increases. */
const withState = (row: WorkRow, before: Work, actual: CognitoState): Work =>
  actual === 'absent' && row.revision === before.revision ? { ...row, actualAccess: actual } : row;
