/** What the statements of `evaluation.sql.ts` answer, as the pure parts see it. */
import type { Brake, OffboardingCase } from '#events';
import type { HeldBecause } from '#brake';
import { brakeOf } from '#settings';
import type { AccountStatus, Subject } from './transition.js';

export interface SubjectRow {
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
  told_status: AccountStatus | null;
  told_case: string;
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
  settings_version: string | null;
  roles_of_tenant: string[] | null;
  brake: Brake | null;
  has_brake: boolean | null;
  would_lose: string[] | null;
  held_because: HeldBecause;
  held_cause: string;
  held_group: string | null;
  held_causation_id: string;
  released: boolean;
  access_status: AccountStatus | null;
  access_causation_id: string;
  closing_sequence: string;
  closing: OffboardingCase | null;
  derived: { role: string; groups: string[] }[];
}

export const toSubject = (row: SubjectRow): Subject => ({
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
    provisioned: row.provisioned,
    dirty: row.dirty,
    priority: row.priority,
    toldStatus: row.told_status,
    toldCase: Number(row.told_case),
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
  access: row.access_status && {
    status: row.access_status,
    causationId: row.access_causation_id,
  },
  closing: row.closing && { sequence: Number(row.closing_sequence), details: row.closing },
  derived: row.derived,
  held: row.would_lose && {
    wouldLose: row.would_lose,
    because: row.held_because,
    cause: { type: row.held_cause, groupId: row.held_group, causationId: row.held_causation_id },
    released: row.released,
  },
  rules: {
    groupSync: row.group_sync,
    version: row.settings_version === null ? null : Number(row.settings_version),
    roles: row.roles_of_tenant ?? [],
    // Settings from before there was a brake have the default one; before any settings nobody has a role.
    brake: brakeOf({ brake: row.has_brake === false ? undefined : row.brake }),
  },
});
