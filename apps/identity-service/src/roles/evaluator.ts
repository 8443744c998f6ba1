/** Brings accounts to the state that directory and settings ask for: one person or a whole tenant, the same code. */
import { currentTraceparent, type Tx } from '#platform';
import type { Outbox } from '#event-bus';
import { applyTransitions, subjectsById, tenantHasBacklog } from './evaluation.sql.js';
import { transition, type AccountStatus, type Cause, type Subject, type Transition } from './transition.js';

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
      return next ? [{ subject, cause, next }] : [];
    });
    if (changes.length === 0) return 0;
    const states = changes.map(({ subject, cause, next }) => stateRow(subject.id, cause, next));
    const revoked = changes.flatMap(({ subject, cause, next }) =>
      next.revoked.map((role) => grantRow(subject, cause, role, cause.groupId)),
    );
    const granted = changes.flatMap(({ subject, cause, next }) =>
      next.granted.map(({ role, group }) => grantRow(subject, cause, role, group)),
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

const stateRow = (id: string, cause: Cause, next: Transition) => ({
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
  access_version: next.accessVersion,
  priority: next.priority,
  causation_id: cause.causationId,
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

interface SubjectRow {
  id: string;
  tenant: string;
  user_name: string;
  external_id: string | null;
  email: string | null;
  display_name: string | null;
  given_name: string | null;
  family_name: string | null;
  status: AccountStatus;
  assigned_roles: string[];
  roles: string[];
  version: string;
  access_version: string;
  priority: number;
  provisioned: boolean;
  dirty: boolean;
  d_user_name: string;
  d_external_id: string | null;
  d_email: string | null;
  d_display_name: string | null;
  d_given_name: string | null;
  d_family_name: string | null;
  d_active: boolean;
  d_deleted: boolean;
  group_sync: boolean;
  deactivate_on_offboard: boolean;
  settings_version: string | null;
  derived: { role: string; groups: string[] }[];
}

const toSubject = (row: SubjectRow): Subject => ({
  id: row.id,
  tenant: row.tenant,
  current: {
    userName: row.user_name,
    externalId: row.external_id,
    email: row.email,
    displayName: row.display_name,
    givenName: row.given_name,
    familyName: row.family_name,
    status: row.status,
    assignedRoles: row.assigned_roles,
    roles: row.roles,
    version: Number(row.version),
    accessVersion: Number(row.access_version),
    provisioned: row.provisioned,
    dirty: row.dirty,
    priority: row.priority,
  },
  directory: {
    userName: row.d_user_name,
    externalId: row.d_external_id,
    email: row.d_email,
    displayName: row.d_display_name,
    givenName: row.d_given_name,
    familyName: row.d_family_name,
    active: row.d_active,
    deleted: row.d_deleted,
  },
  derived: row.derived,
  rules: {
    groupSync: row.group_sync,
    deactivateOnOffboard: row.deactivate_on_offboard,
    version: row.settings_version === null ? null : Number(row.settings_version),
  },
});
