/** Brings accounts to the state that directory and settings ask for: one person or a whole tenant, the same code. */
import { currentTraceparent, type Tx } from '#platform';
import type { Outbox } from '#event-bus';
import { applyTransitions, subjectsById, tenantHasBacklog } from './evaluation.sql.js';
import { toSubject, type SubjectRow } from './subject-row.js';
import { transition, type Cause, type Subject, type Transition } from './transition.js';

/** Accounts per statement; one transaction may span many. */
const CHUNK = 1_000;
/** From this many on, changes of one tenant count as bulk: single changes of others overtake them. */
const BULK = 50;

export class Evaluator {
  constructor(private readonly outbox: Outbox) {}

  /**
   * Derives the accounts again and writes what differs: state, grants, events, marks for the reconciler. The caller
   * holds the tenant's lock. Answers how many accounts changed.
   */
  async evaluate(tx: Tx, tenant: string, causes: ReadonlyMap<string, Cause>): Promise<number> {
    const ids = [...causes.keys()].sort();
    let changed = 0;
    for (let start = 0; start < ids.length; start += CHUNK) {
      const rows = await tx.query<SubjectRow>(subjectsById, [tenant, ids.slice(start, start + CHUNK)]);
      changed += await this.write(tx, rows.map(toSubject), causes, ids.length >= BULK);
    }
    return changed;
  }

  private async write(
    tx: Tx,
    subjects: readonly Subject[],
    causes: ReadonlyMap<string, Cause>,
    many: boolean,
  ): Promise<number> {
    // A burst of creations is bulk although each comes alone; a later change of one account of a busy tenant is not.
    const created = subjects.find((s) => !s.current.provisioned && !s.current.dirty);
    const burst = created !== undefined && !many && (await hasBacklog(tx, created.tenant));
    const changes = subjects.flatMap((subject) => {
      const cause = causes.get(subject.id);
      const next = cause && transition(subject, cause, many || (burst && !subject.current.provisioned));
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
    ]);
    await this.outbox.add(
      tx,
      changes.flatMap(({ next }) => next.events),
    );
    return changes.length;
  }
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
