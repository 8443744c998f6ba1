/** The pins that identity-service stored, for oracles of roles: the first match depends on the order of events. */
import type { Queryable } from '#platform';
import type { GroupFact } from '../../apps/identity-service/src/accounts/derive-roles.js';

/** The pinned names of each group. */
export type Pins = ReadonlyMap<string, readonly string[]>;

export async function readPins(database: Queryable): Promise<Pins> {
  const rows = await database.query<{ id: string; names: string[] }>(
    'select group_id as id, array_agg(name_key) as names from identity.group_pin group by 1',
  );
  return new Map(rows.map(({ id, names }) => [id, names]));
}

export const withPins = (group: Omit<GroupFact, 'pins'> | undefined, pins: Pins): GroupFact[] =>
  group ? [{ ...group, pins: pins.get(group.id) ?? [] }] : [];

/** Confirms every group that waits with a pin of its own, and requests the evaluation of all accounts. */
export async function confirmAll(database: Queryable): Promise<void> {
  await database.query('update identity.group_pin set confirmed = true');
  await database.query(
    `insert into identity.reevaluation (tenant, cause, causation_id) select tenant_id, 'test', 'test' from identity.tenant_settings`,
  );
}
