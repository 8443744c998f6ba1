/**
 * A model of deactivation-worker's consumers and admission, around their real decisions: `desiredAccess` and
 * `consequences` about people, `applyBrake` about cases. It repeats the transactions between them in a few lines each.
 */
import type { OktaState } from '#contracts';
import type { Access, Brake } from '#events';
import { applyBrake } from '../../../apps/deactivation-worker/src/cases/brake.js';
import { consequences, desiredAccess } from '../../../apps/deactivation-worker/src/access/access.js';
import { newRow, type DirectoryChange, type Row, type Statements } from './tables.js';

export interface AccessRecord extends Pick<Access, 'status' | 'roles'> {
  readonly person: number;
  readonly version: number;
  readonly notBefore: number | null;
  /** When it was written. */
  readonly tick: number;
  /** Tokens from before this tick are refused from here on; null = no new fence. */
  readonly kills: number | null;
  /** The fence works only if Cognito's clock is not ahead of ours. */
  readonly byOurClock: boolean;
}

type Fence = Pick<AccessRecord, 'kills' | 'byOurClock'>;
const NO_FENCE: Fence = { kills: null, byOurClock: false };

export interface Settings {
  readonly version: number;
  readonly deactivateOnOffboard: boolean;
  readonly brake: Brake | null;
}

const STRONGEST = 'super_admin';

/** Okta confirmed that the person cannot sign in there. */
export const isConfirmed = ({ oktaState }: Pick<Row, 'oktaState'>): boolean =>
  oktaState === 'suspended' || oktaState === 'deprovisioned';

export class People {
  readonly rows: readonly Row[];
  /** Not published yet. */
  readonly outbox: AccessRecord[] = [];
  settings: Settings = { version: 0, deactivateOnOffboard: true, brake: null };
  /** When a sign-out of a person was last requested. */
  readonly signOutRequestedAt = new Map<number, number>();
  private readonly released = new Set<number>();
  private lost = 0;

  constructor(
    count: number,
    private readonly sql: Statements,
    private readonly tick: () => number,
  ) {
    this.rows = Array.from({ length: count }, newRow);
  }

  row(person: number): Row {
    const row = this.rows[person];
    if (!row) throw new RangeError(`person ${person}`);
    return row;
  }

  directoryChanged(person: number, news: DirectoryChange): void {
    this.store(person, (row) => this.sql.storeUser(row, news));
  }

  accountChanged(person: number, version: number, roles: readonly string[]): void {
    this.store(person, (row) => this.sql.storeAccount(row, version, roles));
  }

  oktaSignalled(person: number, state: OktaState | null, at: number): void {
    if (this.row(person).directoryVersion > 0) this.store(person, (row) => this.sql.storeOktaState(row, state, at));
  }

  private store(person: number, change: (row: Row) => boolean): void {
    const row = this.row(person);
    const before = { ...row };
    if (change(row) && row.directoryVersion > 0) this.evaluate(person, before);
  }

  settingsChanged(next: Settings): void {
    if (next.version <= this.settings.version) return;
    const switched = next.deactivateOnOffboard !== this.settings.deactivateOnOffboard;
    this.settings = next;
    if (!switched) return;
    this.rows.forEach((row, person) => {
      const waits = row.unfinished === 'new' || row.unfinished === 'held';
      if (next.deactivateOnOffboard ? row.desiredAccess === 'enabled' && !row.active : waits)
        this.evaluate(person, null);
    });
  }

  /** `before` null = the row did not change. */
  private evaluate(person: number, before: Row | null): void {
    const row = this.row(person);
    const desired = desiredAccess(row, this.settings.deactivateOnOffboard);
    const wasEntitled = before !== null && before.active && !before.deleted && before.oktaState === null;
    const justProvisioned = before !== null && row.provisioned && !before.provisioned;
    const next = consequences(row, desired, justProvisioned);
    this.sql.apply(row, next);
    if (next.publish) this.publish(person);
    if (next.openCase) row.unfinished ??= 'new';
    if (next.openCase && isConfirmed(row)) this.release(person);
    if (!next.discardCase || wasEntitled || row.unfinished === 'running') return;
    row.unfinished = null;
    this.released.delete(person);
  }

  /** Universal Logout. */
  requestSignOut(person: number): void {
    const row = this.row(person);
    const tick = this.tick();
    if (!this.sql.requestSignOut(row)) return;
    this.signOutRequestedAt.set(person, tick);
    if (row.publishedStatus === 'active') this.publish(person, { kills: tick, byOurClock: true });
  }

  publish(person: number, fence: Fence = NO_FENCE): void {
    const { accessVersion, publishedStatus, publishedRoles, notBefore } = this.row(person);
    if (publishedStatus === null) throw new Error('nothing was published yet');
    this.outbox.push({
      person,
      version: accessVersion,
      status: publishedStatus,
      roles: [...publishedRoles],
      notBefore,
      tick: this.tick(),
      ...fence,
    });
  }

  admit(): void {
    const waiting = this.rows.flatMap((row, person) => (row.unfinished === 'new' ? [{ row, person }] : []));
    const withAccess = this.rows.filter((row) => row.desiredAccess === 'enabled' && row.provisioned);
    const { admitted, held } = applyBrake(
      this.settings.brake,
      waiting.map(({ row: { provisioned, roles }, person }) => ({
        id: String(person),
        released: this.released.has(person),
        confirmed: isConfirmed(this.row(person)),
        provisioned,
        roles,
      })),
      {
        active: withAccess.length,
        lost: this.lost,
        strongestRole: STRONGEST,
        admins: withAccess.filter((row) => row.roles[0] === STRONGEST).length,
      },
    );
    for (const { id, counts } of admitted) {
      if (counts) this.lost++;
      this.released.delete(Number(id));
      this.sql.admit(this.row(Number(id)));
      this.publish(Number(id));
    }
    for (const { id } of held) this.hold(Number(id));
  }

  /** Ends what exists; only the end of access waits. */
  private hold(person: number): void {
    const tick = this.tick();
    this.signOutRequestedAt.set(person, tick);
    if (this.sql.hold(this.row(person))) this.publish(person, { kills: tick, byOurClock: true });
  }

  /** An administrator or the timer releases a held case. */
  release(person: number): void {
    const row = this.row(person);
    if (row.unfinished !== 'held') return;
    row.unfinished = 'new';
    this.released.add(person);
  }
}
