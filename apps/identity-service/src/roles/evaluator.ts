/** Brings accounts to the state that directory and settings ask for: one person or a whole tenant, the same code. */
import { currentTraceparent, type Tx } from '#platform';
import type { Outbox } from '#event-bus';
import type { LossBrake } from './loss-brake.js';
import { judge, type Asking, type Verdict } from './losses.js';
import { recordHeld, tryLockBrake } from './losses.sql.js';
import { applyTransitions, subjectsById, tenantHasBacklog } from './evaluation.sql.js';
import { toSubject, type SubjectRow } from './subject-row.js';
import { transition, type Cause, type Subject, type Transition } from './transition.js';

/** Accounts per statement; one transaction may span many. */
const CHUNK = 1_000;
/** From this many on, changes of one tenant count as bulk: single changes of others overtake them. */
const BULK = 50;

export interface Evaluated {
  readonly changed: number;
  /** Accounts whose losses another transaction's decision stands in the way of: nothing of them was written. */
  readonly deferred: readonly string[];
}

/** `alone` on the tenant's lock; `shared` = the losses of a tenant are decided by whoever gets its brake's lock. */
export type TenantLock = 'alone' | 'shared';

export class Evaluator {
  constructor(
    private readonly outbox: Outbox,
    private readonly brake: LossBrake,
  ) {}

  /**
   * Derives the accounts again and writes what differs: state, grants, events, marks for the reconciler. The caller
   * holds the tenant's lock. Losses of roles come last: by then everybody who gains by the same change has gained, so
   * a new administrator counts before the old one goes.
   */
  async evaluate(tx: Tx, tenant: string, causes: ReadonlyMap<string, Cause>, lock: TenantLock): Promise<Evaluated> {
    const ids = [...causes.keys()].sort();
    const many = ids.length >= BULK;
    const asking: Asking[] = [];
    let changed = 0;
    for (const chunk of chunks(ids)) {
      const rows = await tx.query<SubjectRow>(subjectsById, [tenant, chunk]);
      const verdicts = rows.map((row) => judge(toSubject(row), causeIn(causes, row.id)));
      asking.push(...verdicts.filter(isAsking));
      changed += await this.write(tx, tenant, verdicts.filter(isVerdict), many);
    }
    if (asking.length > 0 && lock === 'shared' && !(await tryLockBrake(tx, tenant)))
      return { changed, deferred: asking.map(({ subject }) => subject.id) };
    for (const chunk of chunks(asking))
      changed += await this.write(tx, tenant, await this.brake.decide(tx, tenant, chunk), many);
    return { changed, deferred: [] };
  }

  private async write(tx: Tx, tenant: string, verdicts: readonly Verdict[], many: boolean): Promise<number> {
    await recordHeld(tx, tenant, verdicts);
    // A burst of creations is bulk although each comes alone; a later change of one account of a busy tenant is not.
    const created = verdicts.find(({ subject: { current } }) => !current.provisioned && !current.dirty);
    const burst = created !== undefined && !many && (await hasBacklog(tx, tenant));
    const changes = verdicts.flatMap(({ subject, cause, kept }) => {
      const next = transition(subject, cause, many || (burst && !subject.current.provisioned), kept);
      return next ? [{ subject, next }] : [];
    });
    if (changes.length === 0) return 0;
    const states = changes.map(({ subject, next }) => stateRow(subject.id, next));
    const revoked = changes.flatMap(({ subject, next }) =>
      next.revoked.map((role) => grantRow(subject, next.cause, role, next.cause.groupId)),
    );
    const granted = changes.flatMap(({ subject, next }) =>
      next.granted.map(({ role, group }) => grantRow(subject, next.cause, role, group)),
    );
    await tx.query(applyTransitions, [
      JSON.stringify(states),
      JSON.stringify(revoked),
      JSON.stringify(granted),
      currentTraceparent(),
      changes.map(({ subject }) => subject.id),
    ]);
    await this.outbox.add(
      tx,
      changes.flatMap(({ next }) => next.events),
    );
    return changes.length;
  }
}

const isVerdict = (v: Verdict | Asking): v is Verdict => 'kept' in v;
const isAsking = (v: Verdict | Asking): v is Asking => !isVerdict(v);

function causeIn(causes: ReadonlyMap<string, Cause>, id: string): Cause {
  const cause = causes.get(id);
  if (!cause) throw new Error(`account ${id} was not asked for`);
  return cause;
}

function chunks<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / CHUNK) }, (_, i) => all.slice(i * CHUNK, (i + 1) * CHUNK));
}

async function hasBacklog(tx: Tx, tenant: string): Promise<boolean> {
  const [row] = await tx.query<{ backlog: boolean }>(tenantHasBacklog, [tenant, BULK]);
  return row?.backlog ?? false;
}

const stateRow = (id: string, next: Transition) => ({
  id,
  user_name: next.attributes.userName,
  external_id: next.attributes.externalId,
  email: next.attributes.email,
  display_name: next.attributes.displayName,
  given_name: next.attributes.givenName,
  family_name: next.attributes.familyName,
  status: next.status,
  assigned_roles: next.assignedRoles,
  roles: next.roles,
  version: next.version,
  told_status: next.toldStatus,
  told_case: next.toldCase,
  priority: next.priority,
  causation_id: next.cause.causationId,
});

const grantRow = (subject: Subject, cause: Cause, role: string, group: string | null) => ({
  tenant: subject.tenant,
  account_id: subject.id,
  role,
  cause: cause.type,
  group_id: group,
  causation_id: cause.causationId,
  mapping_version: subject.rules.version,
});
