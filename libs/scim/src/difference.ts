import { isObject, type UserResource } from './resource.js';
import { enterpriseSchema, userSchema } from './schema.js';

/** Compares JSON values. The order of keys does not matter, but the order of list elements does. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((element, i) => deepEqual(element, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && deepEqual(a[key], b[key]))
  );
}

/**
 * Returns the names of the attributes whose values differ, e.g. `name.givenName`, `emails`, `urn:...:User:department`.
 */
export function changedAttributes(before: UserResource, after: UserResource): string[] {
  const core = userSchema.attributes
    .filter((a) => a.mutability === 'readWrite' && !deepEqual(before[a.name], after[a.name]))
    .flatMap((a) =>
      a.type === 'complex' && !a.multiValued ? changedInside(a.name, '.', before[a.name], after[a.name]) : [a.name],
    );
  const urn = enterpriseSchema.id;
  return [...core, ...(deepEqual(before[urn], after[urn]) ? [] : changedInside(urn, ':', before[urn], after[urn]))];
}

function changedInside(name: string, separator: string, before: unknown, after: unknown): string[] {
  const a = isObject(before) ? before : {};
  const b = isObject(after) ? after : {};
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter((key) => !deepEqual(a[key], b[key]))
    .map((key) => `${name}${separator}${key}`);
}
