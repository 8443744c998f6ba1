/**
 * The runner of one process around its real plan (`nextStep`): what it remembers between two statements, which calls it
 * has under way, and how it ends. Told again from runner.ts and door-sync.ts of the worker, one micro-step at a time.
 */
import { nextStep, type DoorSight, type Known } from '../../../apps/deactivation-worker/src/doors/plan.js';
import type { People } from './people.js';
import type { Call, Pool } from './pool.js';
import type { Row, Statements } from './tables.js';

/** What the process read when it last looked. */
interface Work extends DoorSight {
  readonly revision: number;
  readonly call: Call | null;
}

const knownOf = (flag: boolean | null): Known => (flag === null ? null : flag ? 'enabled' : 'disabled');
const flagOf = (known: Known): boolean | null => (known === 'enabled' ? true : known === 'disabled' ? false : null);
const sight = (row: Row): Work => ({
  door: row.door,
  known: knownOf(row.enabled),
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
  /** Its lease is not in doubt: others respect it, and it goes on. */
  fresh = true;
  private readonly works = new Map<number, Work>();

  constructor(
    readonly id: string,
    private readonly around: Surroundings,
  ) {}

  get idle(): boolean {
    return this.works.size === 0;
  }

  /** Calls that may still be carried out when this process is gone. */
  get calls(): Call[] {
    return [...this.works.values()].flatMap((work) => work.call ?? []);
  }

  claim(person: number): void {
    const { people, sql, isAlive } = this.around;
    const row = people.row(person);
    if (!this.fresh || this.works.has(person)) return;
    if (!sql.claim(row, this.id, row.leaseOwner !== null && !isAlive(row.leaseOwner))) return;
    this.works.set(person, sight(row));
  }

  /** Others respect its leases again; rows that it no longer works on it lets go of. */
  renew(): void {
    const { people, sql } = this.around;
    this.fresh = true;
    people.rows.forEach((row, person) => {
      if (row.leaseOwner === this.id && !this.works.has(person)) sql.forget(row);
    });
  }

  /** The call under way is carried out now; nobody has heard of it yet. */
  land(person: number): void {
    const call = this.works.get(person)?.call;
    if (call) this.around.pool.land(call);
  }

  /** Sends the next call, or takes the answer to the one under way. `lost`: it never comes. Answers a forgotten call. */
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
      if (sql.endOpening(people.row(person), this.id, work.revision)) this.works.delete(person);
      else this.turnRound(person, work);
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
    const known = seen === null ? 'absent' : operation === 'sign-out' ? work.known : knownOf(seen);
    if (operation === 'confirm') this.confirmed(person, { ...work, known, call: null });
    else if (operation === 'enable' && known === 'enabled' && !work.lifted) this.lift(person, work, known, at);
    else if (operation === 'sign-out' && work.door === 'open' && work.lifted)
      this.signedOut(person, work, known, { at: seen === null ? null : at, tick });
    else this.record(person, work, operation, known);
    return null;
  }

  private failed(person: number, { operation }: Call): void {
    const { people, sql } = this.around;
    this.works.delete(person);
    const changesFlag = operation === 'disable' || operation === 'enable';
    if (!sql.fail(people.row(person), this.id, changesFlag)) sql.distrust(people.row(person));
  }

  private leaseLost(person: number): void {
    this.works.delete(person);
    this.around.sql.distrust(this.around.people.row(person));
  }

  private record(person: number, work: Work, step: Call['operation'], known: Known): void {
    const { people, sql } = this.around;
    const row = people.row(person);
    const recorded = known === 'absent' ? null : step;
    if (!sql.record(row, this.id, work.revision, flagOf(known), recorded)) return this.leaseLost(person);
    const next = sight(row);
    const stays = known === 'absent' && row.revision === work.revision;
    this.works.set(person, stays ? { ...next, known } : next);
  }

  private signedOut(person: number, work: Work, known: Known, { at, tick }: { at: number | null; tick: number }): void {
    const { people, sql } = this.around;
    const row = people.row(person);
    if (!sql.signedOut(row, this.id, work.revision, flagOf(known), at))
      return this.record(person, work, 'sign-out', known);
    people.publish(person, { kills: tick, byOurClock: at === null });
    this.works.set(person, known === 'absent' ? { ...sight(row), known } : sight(row));
  }

  private confirmed(person: number, work: Work): void {
    const { people, sql, onCompleted } = this.around;
    if (work.door === 'open' || work.known === 'enabled') return void this.works.set(person, work);
    const waiting = people.outbox.some((record) => record.person === person);
    const done = sql.complete(people.row(person), this.id, work.revision, flagOf(work.known), waiting);
    if (!done) return this.turnRound(person, work);
    this.works.delete(person);
    onCompleted(person);
  }

  private lift(person: number, work: Work, known: Known, enabledAt: number | null): void {
    const { people, sql, onLifted } = this.around;
    if (!sql.lift(people.row(person), this.id, work.revision, flagOf(known), enabledAt))
      return this.record(person, work, 'enable', known);
    this.works.delete(person);
    people.publish(person);
    onLifted(person);
  }

  private turnRound(person: number, work: Work): void {
    const { people, sql } = this.around;
    const row = people.row(person);
    if (row.leaseOwner !== this.id) return this.leaseLost(person);
    if (row.revision !== work.revision) return void this.works.set(person, sight(row));
    sql.handBack(row, this.id);
    this.works.delete(person);
  }
}
