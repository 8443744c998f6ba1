/** `groups` and `confirm-group`: the groups that the mappings by name belong to, and groups that wait. */
import {
  audited,
  fields,
  instant,
  operator,
  Refusal,
  table,
  type AnyCommand,
  type Screen,
  type Typed,
} from '#command-line';
import type { GroupPinList, Json } from '#contracts';
import { command, target } from '../services.js';

type Pins = Json<GroupPinList>;

const groups = command({
  usage: 'groups',
  summary: 'list the Okta group of each mapping by name, and the groups that wait for a confirmation',
  run: async (call) => {
    const { client: identity, tenant, about } = await target(call, (s) => s.identity());
    const pins = await identity.groupPins(tenant.id);
    return { text: about(describeGroups(call.screen, pins, call.typed)), json: pins };
  },
});

const confirmGroup = command({
  usage: 'confirm-group <group>',
  summary: 'let a group that waits give the mapped roles; <group> is its SCIM id, as "tenants groups" shows it',
  options: audited,
  run: async (call) => {
    const [group = ''] = call.args;
    const by = operator(call);
    const { client: identity, tenant } = await target(call, (s) => s.identity());
    const confirmed = await identity.confirmGroup(tenant.id, { group, by });
    if (confirmed === 0)
      throw new Refusal(
        `The group ${group} does not wait in tenant ${tenant.slug}. "${call.typed('tenants groups')}" lists the groups that wait.`,
      );
    const text = `Tenant ${tenant.slug}: the group is confirmed in the name of ${by}. Its members get the mapped roles now.`;
    return { text, json: { tenant: tenant.slug, group, confirmed, by } };
  },
});

function describeGroups(screen: Screen, { pins, waiting }: Pins, typed: Typed): string {
  const pinned = table(screen, pins, [
    { head: 'MAPPED NAME', cell: (p) => p.mappedName, shrink: 1 },
    { head: 'ROLES', cell: (p) => p.roles.join(', ') },
    { head: 'GROUP', cell: (p) => (p.deleted ? `${p.name} (deleted)` : p.name), shrink: 2 },
    { head: 'GROUP ID', cell: (p) => p.group },
    { head: 'SINCE', cell: (p) => instant(p.pinnedAt) },
    { head: 'CONFIRMED BY', cell: (p) => p.confirmedBy },
  ]);
  if (waiting.length === 0) return pins.length === 0 ? 'No group bears a mapped name yet.' : pinned;
  const rows = waiting.map((w): [string, string] => [
    w.group,
    `"${w.name}" with ${w.members} members bears a name that is mapped to ${w.roles.join(', ')}`,
  ]);
  return [
    pinned,
    `Waiting (${waiting.length}): nobody gains a role from these groups until an administrator confirms them.`,
    fields(rows, '  '),
    `To confirm one: ${typed('tenants confirm-group <group id>')}`,
  ].join('\n\n');
}

export const mappedGroups: readonly AnyCommand[] = [groups, confirmGroup];
