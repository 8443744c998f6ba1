/** Derives the roles that a person's groups give: the union over all mapped groups, strongest role first. */
import { groupKey } from '#settings';
import type { RoleMapping } from '#events';

export interface GroupFact {
  readonly id: string;
  readonly deleted: boolean;
  /** Keys of the mapped names that are pinned to this group. */
  readonly pins: readonly string[];
}

export interface RoleRules {
  /** The tenant's roles, highest precedence first. */
  readonly roles: readonly string[];
  readonly roleMappings: readonly RoleMapping[];
}

/** Strongest role first. A mapping to a role that the tenant does not have gives nothing. */
export function rolesOfGroup(group: GroupFact, rules: RoleRules): string[] {
  if (group.deleted) return [];
  const keys = new Set([...group.pins, groupKey({ id: group.id })]);
  const given = new Set(rules.roleMappings.filter((m) => keys.has(groupKey(m.group))).map((m) => m.role));
  return rules.roles.filter((role) => given.has(role));
}

/** `evaluation.sql.ts` does the same in SQL for thousands of accounts; tests compare the two. */
export function deriveRoles(groups: readonly GroupFact[], rules: RoleRules): string[] {
  const given = new Set(groups.flatMap((group) => rolesOfGroup(group, rules)));
  return rules.roles.filter((role) => given.has(role));
}
