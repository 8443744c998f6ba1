import type { GroupReference, SettingsChangeBody } from '#contracts';
import { Problem } from '#platform';
import type { TenantChange } from '../settings/tenant-change.js';

/**
 * Converts a request body to a change. Missing fields are `undefined` in the DTO instance. They are removed from
 * `brake`, because a missing figure keeps its value.
 */
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
