import type { GroupReference, SettingsChangeBody } from '#contracts';
import { Problem } from '#platform';
import type { TenantChange } from '../settings/tenant-change.js';

/** Removes undefined fields from `brake`, because a field that is left out keeps its current value. */
export function toChange({ map, unmap, brake, ...rest }: SettingsChangeBody): TenantChange {
  return {
    ...rest,
    map: map?.map(({ group, role }) => ({ group: reference(group), role })),
    unmap: unmap?.map(({ group, role }) => ({ group: reference(group), role })),
    brake: brake && Object.fromEntries(Object.entries(brake).filter(([, figure]) => figure !== undefined)),
  };
}

function reference({ id, name }: { readonly id?: string; readonly name?: string }): GroupReference {
  if (id !== undefined && name === undefined) return { id };
  if (name !== undefined && id === undefined) return { name };
  throw new Problem('invalid_request', 'A group is given either by its "id" or by its "name".');
}
