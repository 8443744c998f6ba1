/**
 * A model of the runner in one process, around its real plan (`nextStep`): what it remembers between two statements,
 * which calls it has sent, and how it ends. It repeats runner.ts and access-sync.ts of the worker in the smallest steps.
 */
import type { CognitoAccess } from '#contracts';
import { nextStep, type AccessState, type CognitoState } from '../../../apps/deactivation-worker/src/cognito/plan.js';
import type { People } from './people.js';
import type { Call, Pool } from './pool.js';
import type { Row, Statements } from './tables.js';

/** The row as the process last read it. */
interface Work extends AccessState {
  readonly revision: number;
  readonly call: Call | null;
}

const stored = (actual: CognitoState): CognitoAccess | null => (actual === 'absent' ? null : actual);
const workOf = (row: Row): Work => ({
  desiredAccess: row.desiredAccess,
  actualAccess: row.actualAccess,
  signOutDue: row.signOutDue,
  lifted: row.publishedStatus === 'active',
  revision: row.revision,
  call: null,
});

export interface Surroundings {
  readonly people: People;
  readonly pool: Pool;
  readonly sql: Statements;
  readonly now: () => number;
  /** Whether a process of this id still respects its leases, as far as others can tell. */
  readonly isAlive: (id: string) => boolean;
  readonly onLifted: (person: number) => void;
  readonly onCompleted: (person: number) => void;
}

export class ModelRunner {
  /** Its lease holds: others respect it, and it continues. */
  fresh = true;
  private readonly works = new Map<number, Work>();

  constructor(
    readonly id: string,
    private readonly around: Surroundings,
  ) {}

  get idle(): boolean {
    return this.works.size === 0;
  }

  /** Calls that may take effect after the end of this process. */
  get calls(): Call[] {
    return [...this.works.values()].flatMap((work) => work.call ?? []);
  }

  claim(person: number): void {
    const { people, sql, isAlive } = this.around;
    const row = people.row(person);
    if (!this.fresh || this.works.has(person)) return;
    if (!sql.claim(row, this.id, row.leaseOwner !== null && !isAlive(row.leaseOwner))) return;
    this.works.set(person, workOf(row));
  }

  /** Others respect its leases again; it gives up leases on rows that it no longer works on. */
  renew(): void {
    const { people, sql } = this.around;
    this.fresh = true;
    people.rows.forEach((row, person) => {
      if (row.leaseOwner === this.id && !this.works.has(person)) sql.forget(row);
    });
  }

  /** The call that was sent takes effect now; its answer is still on the way. */
  land(person: number): void {
    const call = this.works.get(person)?.call;
    if (call) this.around.pool.land(call);
  }

  /** Sends the next call, or receives the answer. `lost`: no answer arrives; returns that call, which may still take effect. */
  advance(person: number, lost: boolean): Call | null {
    const work = this.works.get(person);
    if (!work) return null;
    if (work.call) return this.answered(person, work, work.call, lost);
    if (!this.fresh) this.leaseLost(person);
    else this.next(person, work);
    return null;
  }

  private next(person: number, work: Work): void {
    const step = nextStep(work);
    if (step === 'end') {
      const { people, sql } = this.around;
      const waiting = people.outbox.some((record) => record.person === person);
      if (sql.endEnabling(people.row(person), this.id, work.revision, waiting)) this.works.delete(person);
      else this.continueLater(person, work);
    } else if (step === 'lift') this.lift(person, work, 'absent', null);
    else this.works.set(person, { ...work, call: { person, operation: step, sentAt: this.around.now() } });
  }

  private answered(person: number, work: Work, call: Call, lost: boolean): Call | null {
    const { pool } = this.around;
    if (!lost) pool.land(call);
    if (lost || !call.result) {
      this.failed(person, call);
      return call;
    }
    const { seen, at, tick } = call.result;
    const { operation } = call;
    const shown = seen ? 'enabled' : 'disabled';
    const actual = seen === null ? 'absent' : operation === 'sign-out' ? work.actualAccess : shown;
    if (operation === 'confirm') this.confirmed(person, { ...work, actualAccess: actual, call: null });
    else if (operation === 'enable' && actual === 'enabled' && !work.lifted) this.lift(person, work, actual, at);
    else if (operation === 'sign-out' && work.desiredAccess === 'enabled' && work.lifted)
      this.signedOut(person, work, actual, { at: seen === null ? null : at, tick });
    else this.record(person, work, operation, actual);
    return null;
  }

  private failed(person: number, { operation }: Call): void {
    const { people, sql } = this.around;
    this.works.delete(person);
    const changesState = operation === 'disable' || operation === 'enable';
    if (!sql.fail(people.row(person), this.id, changesState)) sql.reread(people.row(person));
  }

  private leaseLost(person: number): void {
    this.works.delete(person);
    this.around.sql.reread(this.around.people.row(person));
  }

  private record(person: number, work: Work, step: Call['operation'], actual: CognitoState): void {
    const { people, sql } = this.around;
    const row = people.row(person);
    const recorded = actual === 'absent' ? null : step;
    if (!sql.record(row, this.id, work.revision, stored(actual), recorded)) return this.leaseLost(person);
    const next = workOf(row);
    const stays = actual === 'absent' && row.revision === work.revision;
    this.works.set(person, stays ? { ...next, actualAccess: actual } : next);
  }

  private signedOut(
    person: number,
    work: Work,
    actual: CognitoState,
    { at, tick }: { at: number | null; tick: number },
  ): void {
    const { people, sql } = this.around;
    const row = people.row(person);
    if (!sql.signedOut(row, this.id, work.revision, stored(actual), at))
      return this.record(person, work, 'sign-out', actual);
    people.publish(person, { kills: tick, byOurClock: at === null });
    this.works.set(person, actual === 'absent' ? { ...workOf(row), actualAccess: actual } : workOf(row));
  }

  private confirmed(person: number, work: Work): void {
    const { people, sql, onCompleted } = this.around;
    if (work.desiredAccess === 'enabled' || work.actualAccess === 'enabled') return void this.works.set(person, work);
    const waiting = people.outbox.some((record) => record.person === person);
    const done = sql.complete(people.row(person), this.id, work.revision, stored(work.actualAccess), waiting);
    if (!done) return this.continueLater(person, work);
    this.works.delete(person);
    onCompleted(person);
  }

  private lift(person: number, work: Work, actual: CognitoState, enabledAt: number | null): void {
    const { people, sql, onLifted } = this.around;
    if (!sql.lift(people.row(person), this.id, work.revision, stored(actual), enabledAt))
      return this.record(person, work, 'enable', actual);
    this.works.delete(person);
    people.publish(person);
    onLifted(person);
  }

  private continueLater(person: number, work: Work): void {
    const { people, sql } = this.around;
    const row = people.row(person);
    if (row.leaseOwner !== this.id) return this.leaseLost(person);
    if (row.revision !== work.revision) return void this.works.set(person, workOf(row));
    sql.handBack(row, this.id);
    this.works.delete(person);
  }
}
