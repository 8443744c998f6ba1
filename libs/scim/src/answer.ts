import { ScimError, quote } from './errors.js';
import { LIMITS } from './limits.js';
import { parseAttributePath, resolvePath } from './path.js';
import { isObject } from './resource.js';
import { commonAttributes, type Schema } from './schema.js';

const LIST_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';

export interface Page {
  /** Counted from 1. */
  readonly startIndex: number;
  readonly count: number;
}

/**
 * Parses `startIndex` and `count` (RFC 7644 section 3.4.2.4). Numbers outside the limits count as the nearest limit.
 */
export function parsePage(startIndex: string | undefined, count: string | undefined): Page {
  return {
    startIndex: Math.min(Math.max(integer('startIndex', startIndex, 1), 1), Number.MAX_SAFE_INTEGER),
    count: Math.min(Math.max(integer('count', count, LIMITS.pageSizeDefault), 0), LIMITS.pageSizeMax),
  };
}

function integer(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined || text === '') return fallback;
  if (!/^[+-]?\d{1,15}$/.test(text))
    throw ScimError.of('invalidValue', `"${name}" must be a whole number, but is ${quote(text)}.`);
  return Number(text);
}

/**
 * Builds a list response (RFC 7644 section 3.4.2). `itemsPerPage` is the number of returned resources, not the
 * requested number. Okta's review checks this.
 */
export const listResponse = (resources: readonly unknown[], totalResults: number, startIndex: number) => ({
  schemas: [LIST_SCHEMA],
  totalResults,
  startIndex,
  itemsPerPage: resources.length,
  Resources: resources,
});

export type Projection = (resource: Record<string, unknown>) => Record<string, unknown>;

/**
 * Parses `attributes` and `excludedAttributes` (RFC 7644 section 3.9). Returns undefined if all attributes are to be
 * returned. Unknown names select nothing. `wants` tells whether the result will contain an attribute.
 */
export function parseProjection(
  schema: Schema,
  attributes: string | undefined,
  excludedAttributes: string | undefined,
): (Projection & { readonly wants: (name: string) => boolean }) | undefined {
  const include = split(attributes);
  const exclude = split(excludedAttributes);
  if (include.length > 0 && exclude.length > 0)
    throw ScimError.of('invalidValue', 'Send either "attributes" or "excludedAttributes", not both.');
  if (include.length === 0 && exclude.length === 0) return undefined;
  const listed = (include.length > 0 ? include : exclude)
    .map((text) => locate(schema, text))
    .filter((path) => path !== undefined);
  const always = new Set(['id', 'schemas']);
  const project: Projection =
    include.length > 0 ? (resource) => pick(resource, listed, always) : (resource) => drop(resource, listed, always);
  const wants = (name: string) =>
    include.length > 0 ? listed.some((p) => p[0] === name) : !listed.some((p) => p.length === 1 && p[0] === name);
  return Object.assign(project, { wants });
}

const split = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((s) => s.trim())
    .filter((s) => s !== '');

/** Returns the keys that lead to an attribute, e.g. `['name', 'givenName']` or `[urn, 'department']`. */
function locate(schema: Schema, text: string): string[] | undefined {
  const extension = schema.extensions.find((e) => e.id.toLowerCase() === text.toLowerCase());
  if (extension) return [extension.id];
  const path = parseAttributePath(text);
  const target = path && resolvePath(schema, path, commonAttributes);
  if (!target) return undefined;
  return [target.extension, target.attribute.name, target.subAttribute?.name].filter((key) => key !== undefined);
}

function pick(
  resource: Record<string, unknown>,
  paths: readonly string[][],
  always: ReadonlySet<string>,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const name of always) if (Object.hasOwn(resource, name)) result[name] = resource[name];
  for (const path of paths) copy(resource, result, path);
  return result;
}

function copy(
  from: Record<string, unknown>,
  to: Record<string, unknown>,
  [key = '', ...rest]: readonly string[],
): void {
  const value = Object.hasOwn(from, key) ? from[key] : undefined;
  if (value === undefined) return;
  if (rest.length === 0) to[key] = value;
  else if (Array.isArray(value)) {
    const target = (to[key] ??= value.map(() => ({}))) as unknown[];
    value.forEach((element, i) => isObject(element) && isObject(target[i]) && copy(element, target[i], rest));
  } else if (isObject(value)) copy(value, (to[key] ??= {}) as Record<string, unknown>, rest);
}

function drop(
  resource: Record<string, unknown>,
  paths: readonly string[][],
  always: ReadonlySet<string>,
): Record<string, unknown> {
  let result = resource;
  for (const path of paths) if (!always.has(path[0] ?? '')) result = dropOne(result, path);
  return result;
}

function dropOne(value: Record<string, unknown>, [key = '', ...rest]: readonly string[]): Record<string, unknown> {
  if (!Object.hasOwn(value, key)) return value;
  const { [key]: inner, ...others } = value;
  if (rest.length === 0) return others;
  const next = Array.isArray(inner)
    ? inner.map((e: unknown) => (isObject(e) ? dropOne(e, rest) : e))
    : isObject(inner)
      ? dropOne(inner, rest)
      : inner;
  return { ...value, [key]: next };
}
