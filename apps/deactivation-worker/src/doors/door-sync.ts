/** Brings one person's door in Cognito to what is wanted, step by step; each step is recorded before the next. */
import { CognitoError, type Urgency, type UserPool } from '#cognito';
import type { Outbox } from '#event-bus';
import type { Database, Tx } from '#platform';
import { caseEvent, type CaseRow } from '../cases/case-event.js';
import { accessEvent } from '../people/access-event.js';
import { fenceEvent, type FencedRow } from '../people/sign-out.sql.js';
import {
  comeBackLater,
  completeClosing,
  endOpening,
  fenceSignedOut,
  handBack,
  liftFence,
  recordStep,
  reread,
} from './door.sql.js';
import { nextStep, type DoorSight, type Known, type Step } from './plan.js';

export interface Work extends DoorSight {
  readonly id: string;
  readonly tenant: string;
  readonly revision: string;
  readonly attempts: number;
  readonly traceparent: string | null;
}

export interface WorkRow {
  readonly id: string;
  readonly tenant: string;
  readonly door: DoorSight['door'];
  readonly revision: string;
  readonly cognito_enabled: boolean | null;
  readonly sign_out_due: boolean;
  readonly lifted: boolean;
  readonly attempts: number;
  readonly traceparent: string | null;
}

export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

/** A call that was not answered with success; `inDoubt`: it may have changed, or still change, the enabled flag. */
export class StepFailure extends Error {
  constructor(
    readonly failure: CognitoError,
    readonly inDoubt: boolean,
    /** What was wanted when the step began. */
    readonly revision: string,
  ) {
    super(failure.message);
    this.name = 'StepFailure';
  }
}

export interface SyncOptions {
  readonly database: Database;
  readonly pool: UserPool;
  readonly outbox: Outbox;
  readonly workerId: string;
  /** `seconds` since the push. */
  readonly closed: (door: 'cognito' | 'sign_out' | 'confirmed', seconds: number) => void;
}

/** Disables go before everything else; sign-outs take what is left of the quota. */
const URGENCY: Readonly<Record<Step, Urgency>> = {
  disable: 'offboarding',
  'sign-out': 'urgent',
  confirm: 'offboarding',
  enable: 'urgent',
  lift: 'urgent',
  end: 'urgent',
};

export class DoorSync {
  constructor(private readonly options: SyncOptions) {}

  /** Does the next step. Answers what is wanted and known then; null = the person is given back, there is no more to do. */
  async step(work: Work): Promise<Work | null> {
    const step = nextStep(work);
    if (step === 'end') return this.end(work);
    if (step === 'lift') return this.lift(work, 'absent', null);
    let known: Known;
    let at: Date | null = null;
    try {
      ({ known, at } = await this.call(work, step));
    } catch (error) {
      if (!(error instanceof CognitoError)) throw error;
      if (error.errorClass !== 'missing_user')
        throw new StepFailure(error, changesFlag(step) && error.errorClass === 'retry', work.revision);
      known = 'absent';
    }
    if (step === 'confirm') return this.confirmed({ ...work, known });
    if (step === 'enable' && known === 'enabled' && !work.lifted) return this.lift(work, known, at);
    if (step === 'sign-out' && work.door === 'open' && work.lifted) return this.signedOut(work, known, at);
    return this.record(work, step, known);
  }

  /** `at`: Cognito's clock when it had done it. */
  private async call(
    { id, known }: Work,
    step: 'disable' | 'sign-out' | 'confirm' | 'enable',
  ): Promise<{ known: Known; at: Date | null }> {
    const { pool } = this.options;
    const urgency = URGENCY[step];
    switch (step) {
      case 'disable':
        await pool.disableUser(id, urgency);
        return { known: 'disabled', at: null };
      case 'sign-out':
        return { at: await pool.signOut(id, urgency), known };
      case 'enable':
        return { at: await pool.enableUser(id, urgency), known: 'enabled' };
      case 'confirm': {
        const user = await pool.getUser(id, urgency);
        return { known: user === null ? 'absent' : user.enabled ? 'enabled' : 'disabled', at: null };
      }
    }
  }

  private async record(work: Work, step: Step, known: Known): Promise<Work> {
    const { database, workerId } = this.options;
    const parameters = [
      work.id,
      workerId,
      flagOf(known),
      step === 'sign-out' || known === 'absent',
      work.revision,
      // Where there is no user no door was closed.
      known === 'absent' ? null : step,
    ];
    const [row] = await database.query<WorkRow & { seconds: number | null }>(recordStep, parameters);
    if (!row) throw new LeaseLost();
    if (row.seconds !== null && known === 'disabled')
      this.options.closed(step === 'disable' ? 'cognito' : 'sign_out', row.seconds);
    return withKnown(row, work, known);
  }

  /** Cognito was read: `work.known` is what it showed. */
  private async confirmed(work: Work): Promise<Work | null> {
    if (work.door === 'open' || work.known === 'enabled') return work;
    const completed = await this.options.database.tx((tx) => this.complete(tx, work));
    return completed ? null : this.turnRound(work);
  }

  private async complete(tx: Tx, work: Work): Promise<boolean> {
    const { workerId, outbox, closed } = this.options;
    const parameters = [work.id, workerId, work.revision, flagOf(work.known)];
    const [row] = await tx.query<CaseRow & { id: string | null; seconds: number | null }>(completeClosing, parameters);
    if (!row) return false;
    if (row.id !== null) {
      await outbox.add(tx, [caseEvent('completed', row)]);
      tx.afterCommit(() => closed('confirmed', row.seconds ?? 0));
    }
    return true;
  }

  private async lift(work: Work, known: Known, enabledAt: Date | null): Promise<Work | null> {
    const lifted = await this.options.database.tx((tx) => this.openFence(tx, work, known, enabledAt));
    // Wanted closed again: what Cognito holds now has to be known before it is closed.
    return lifted ? null : this.record(work, 'enable', known);
  }

  private async openFence(tx: Tx, work: Work, known: Known, enabledAt: Date | null): Promise<boolean> {
    const { workerId, outbox } = this.options;
    const parameters = [work.id, workerId, work.revision, flagOf(known), enabledAt];
    const [row] = await tx.query<LiftedRow>(liftFence, parameters);
    if (!row) return false;
    const access = accessEvent({
      id: work.id,
      tenant: work.tenant,
      status: 'active',
      roles: row.roles,
      notBefore: row.not_before,
      sequence: Number(row.access_version),
      causationId: row.person_causation_id,
      traceparent: row.person_traceparent,
    });
    const superseded = row.id === null ? [] : [caseEvent('superseded', row, row.person_causation_id)];
    await outbox.add(tx, [access, ...superseded]);
    return true;
  }

  /**
   * Somebody who keeps his access was signed out: the fence that stands since it was asked for is moved to Cognito's
   * clock. A process that dies before this commits leaves the sign-out due, and the next one does it again.
   */
  private async signedOut(work: Work, known: Known, at: Date | null): Promise<Work> {
    const { database, outbox, workerId } = this.options;
    const parameters = [work.id, workerId, work.revision, flagOf(known), at];
    const row = await database.tx(async (tx) => {
      const [fenced] = await tx.query<WorkRow & FencedRow>(fenceSignedOut, parameters);
      if (fenced) await outbox.add(tx, [fenceEvent(fenced)]);
      return fenced;
    });
    // Something else is wanted by now; whether that sign-out counts is for the record to say.
    return row ? withKnown(row, work, known) : this.record(work, 'sign-out', known);
  }

  private async end(work: Work): Promise<Work | null> {
    const parameters = [work.id, this.options.workerId, work.revision];
    const rows = await this.options.database.query(endOpening, parameters);
    return rows.length > 0 ? null : this.turnRound(work);
  }

  /** The work did not end: something else is wanted, a late call may come, or the fence is not published yet. */
  private async turnRound(work: Work): Promise<Work | null> {
    const { database, workerId } = this.options;
    const [row] = await database.query<WorkRow>(reread, [work.id, workerId]);
    if (!row) throw new LeaseLost();
    if (row.revision !== work.revision) return toWork(row);
    await database.query(comeBackLater, [work.id, workerId]);
    return null;
  }

  /** For somebody else, or us, to take up after a pause. */
  async giveBack(work: Work, pauseSeconds: number): Promise<void> {
    await this.options.database.query(handBack, [work.id, this.options.workerId, pauseSeconds]);
  }
}

type LiftedRow = CaseRow & {
  readonly id: string | null;
  readonly roles: string[];
  readonly not_before: Date;
  readonly access_version: string;
  readonly person_causation_id: string;
  readonly person_traceparent: string | null;
};

const changesFlag = (step: Step): boolean => step === 'disable' || step === 'enable';
const flagOf = (known: Known): boolean | null => (known === 'enabled' ? true : known === 'disabled' ? false : null);
const knownOf = (flag: boolean | null): Known => (flag === null ? null : flag ? 'enabled' : 'disabled');

export const toWork = (row: WorkRow): Work => ({
  id: row.id,
  tenant: row.tenant,
  door: row.door,
  revision: row.revision,
  known: knownOf(row.cognito_enabled),
  signOutDue: row.sign_out_due,
  lifted: row.lifted,
  attempts: row.attempts,
  traceparent: row.traceparent,
});

/** The table does not tell "absent" from "not known"; it stays true for as long as nobody tells of a change. */
const withKnown = (row: WorkRow, before: Work, known: Known): Work =>
  known === 'absent' && row.revision === before.revision ? { ...toWork(row), known } : toWork(row);
