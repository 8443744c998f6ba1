import { quote, ScimError } from './errors.js';
import type { Filter } from './filter.js';
import { LIMITS } from './limits.js';
import { matches } from './matches.js';
import { parseAttributePath, resolvePath, type Target } from './path.js';
import { filterOnSingleValue, type PatchOperation, type PatchPath, type PatchVerb } from './patch.js';
import {
  checkUserName,
  hasAttribute,
  isObject,
  parseAttributes,
  parseComplex,
  parseValue,
  requireObject,
  storable,
  type Resource,
  type ScimComplex,
  type ScimValue,
  type UserResource,
} from './resource.js';
import { commonAttributes, findExtension, userSchema } from './schema.js';

/** Applies a PATCH (RFC 7644 section 3.5.2). The result must satisfy the same rules as the body of a PUT. */
export function patchUser(user: UserResource, operations: readonly PatchOperation[]): UserResource {
  const result = structuredClone(user) as Resource;
  let comparisons = 0;
  for (const operation of operations) {
    if (operation.urn !== undefined) applyToExtension(result, operation.urn, operation.op, operation.value);
    else if (operation.path) {
      comparisons += comparisonsOf(result, operation.path);
      if (comparisons > LIMITS.patchComparisons) throw tooManyComparisons();
      applyToPath(result, operation.op, operation.path, operation.value);
    } else applyWithoutPath(result, operation.op, requireObject(operation.value, '"value"'));
  }
  const { userName, active } = result;
  if (typeof userName !== 'string' || userName.trim() === '')
    throw ScimError.of('invalidValue', 'userName cannot be removed or emptied.');
  if (userName !== user.userName) checkUserName(userName);
  // A PATCH must not remove `active`. No default is safe: a missing `active` must neither reactivate a person nor end
  // their access.
  if (user.active !== undefined && active === undefined)
    throw ScimError.of('invalidValue', 'active cannot be removed. Send true or false.');
  if (JSON.stringify(result).length > LIMITS.userCharacters)
    throw ScimError.of(
      'tooMany',
      `With this change the user would have more than ${LIMITS.userCharacters.toLocaleString('en')} characters, which is the limit. Map fewer or shorter attributes.`,
    );
  return result as UserResource;
}

/** Returns how many comparisons the filter of a path needs. */
function comparisonsOf(result: Resource, { path, filter }: PatchPath): number {
  const values = result[resolvePath(userSchema, path)?.attribute.name ?? ''];
  return filter && Array.isArray(values) ? values.length * termsOf(filter) : 0;
}

function termsOf(filter: Filter): number {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return termsOf(filter.left) + termsOf(filter.right);
    case 'not':
    case 'element':
      return termsOf(filter.filter);
    default:
      return 1;
  }
}

const tooManyComparisons = (): ScimError =>
  ScimError.of(
    'tooMany',
    `The filters in the paths of the PATCH need more than ${LIMITS.patchComparisons.toLocaleString('en')} comparisons with the values of the user, which is the limit. Send fewer operations.`,
  );

/**
 * Applies an operation without a path. Okta sends an object of attributes, and Entra ID adds keys with dots and URNs.
 * Unknown keys are ignored.
 */
function applyWithoutPath(result: Resource, op: PatchVerb, value: Record<string, unknown>): void {
  for (const key of Object.keys(value)) {
    const extension = findExtension(userSchema, key);
    if (extension) {
      if (value[key] !== null) applyToExtension(result, extension.id, op, value[key]);
      else delete result[extension.id];
      continue;
    }
    const path = parseAttributePath(key);
    const target = path && resolvePath(userSchema, path);
    if (target && writable(target)) applyToTarget(result, op, target, undefined, value[key]);
  }
}

function applyToExtension(result: Resource, urn: string, op: PatchVerb, value: unknown): void {
  const extension = findExtension(userSchema, urn);
  if (!extension) return;
  if (op === 'remove') {
    delete result[extension.id];
    return;
  }
  for (const [name, inner] of Object.entries(requireObject(value, `"${extension.id}"`))) {
    const path = parseAttributePath(name);
    const target = path && resolvePath(userSchema, { ...path, urn: extension.id });
    if (target && writable(target)) applyToTarget(result, op, target, undefined, inner);
  }
}

function applyToPath(result: Resource, op: PatchVerb, { path, filter, text }: PatchPath, value: unknown): void {
  const target = resolvePath(userSchema, path, commonAttributes);
  if (!target)
    throw ScimError.of(
      'invalidPath',
      `A user has no attribute ${quote(text)}. Remove its mapping in the identity provider.`,
    );
  if (target.attribute.mutability === 'ignored') return;
  if (!writable(target))
    throw ScimError.of(
      'mutability',
      `${quote(text)} is set by the server and cannot be changed${target.attribute.name === 'groups' ? '; change the members of the group instead' : ''}.`,
    );
  if (op !== 'remove' && value === undefined)
    throw ScimError.of('invalidValue', `The operation on ${quote(text)} needs a "value".`);
  applyToTarget(result, op, target, filter, value);
}

const writable = (target: Target): boolean =>
  target.attribute.mutability === 'readWrite' && (target.subAttribute?.mutability ?? 'readWrite') === 'readWrite';

function applyToTarget(
  result: Resource,
  op: PatchVerb,
  target: Target,
  filter: Filter | undefined,
  value: unknown,
): void {
  const { attribute, subAttribute, extension } = target;
  const home = extension === undefined ? result : ((result[extension] ??= {}) as Resource);
  if (filter && !attribute.multiValued) throw filterOnSingleValue(attribute);
  if (attribute.multiValued)
    set(home, attribute.name, changeList(list(home[attribute.name]), op, target, filter, value));
  else if (subAttribute) set(home, attribute.name, changeComplex(home[attribute.name], op, target, value));
  else if (op === 'remove') delete home[attribute.name];
  else set(home, attribute.name, merged(home[attribute.name], parseValue(attribute, value)));
  if (extension !== undefined && Object.keys(home).length === 0) delete result[extension];
}

const list = (value: ScimValue | undefined): ScimComplex[] => (Array.isArray(value) ? value : []);

function set(home: Resource, name: string, value: ScimValue | null): void {
  if (value === null || (Array.isArray(value) && value.length === 0)) delete home[name];
  else home[name] = value;
}

/** `add` and `replace` both change the named sub-attributes and keep the others. */
const merged = (current: ScimValue | undefined, value: ScimValue | null): ScimValue | null =>
  isObject(current) && isObject(value) ? { ...current, ...value } : value;

function changeComplex(
  current: ScimValue | undefined,
  op: PatchVerb,
  { subAttribute }: Target,
  value: unknown,
): ScimValue | null {
  const next = { ...(isObject(current) ? current : {}) } as Resource;
  if (subAttribute) set(next, subAttribute.name, op === 'remove' ? null : parseValue(subAttribute, value));
  return Object.keys(next).length > 0 ? (next as ScimComplex) : null;
}

function changeList(
  current: ScimComplex[],
  op: PatchVerb,
  target: Target,
  filter: Filter | undefined,
  value: unknown,
): ScimComplex[] {
  const { attribute, subAttribute } = target;
  const chosen = new Set(filter ? current.filter((element) => matches(attribute, element, filter)) : current);
  if (op === 'remove')
    return subAttribute ? cleared(current, chosen, subAttribute.name) : without(current, chosen, target, filter, value);
  if (!filter && !subAttribute) {
    const values = list(parseValue(attribute, value) ?? []);
    return op === 'replace' ? values : added(current, values, attribute.name);
  }
  const change = subAttribute
    ? named(subAttribute.name, parseValue(subAttribute, value))
    : parseComplex(attribute, value);
  if (chosen.size === 0) {
    // `add` creates the element that its filter describes. `replace` needs an existing element.
    if (op === 'replace' && filter)
      throw ScimError.of(
        'noTarget',
        `No value of "${attribute.name}" matches the filter in "path", so there is nothing to replace.`,
      );
    return change ? added(current, [{ ...(filter && described(target, filter)), ...change }], attribute.name) : current;
  }
  const next = current
    .map((element) => (chosen.has(element) ? withChange(element, change, subAttribute?.name, op) : element))
    .filter((e) => Object.keys(e).length > 0);
  return change?.['primary'] === true
    ? demoted(
        next,
        next.findLast((e) => e['primary'] === true),
      )
    : next;
}

const named = (name: string, value: ScimValue | null): ScimComplex | null =>
  value === null ? null : { [name]: value as string | boolean };

function withChange(
  element: ScimComplex,
  change: ScimComplex | null,
  subAttribute: string | undefined,
  op: PatchVerb,
): ScimComplex {
  if (change) return op === 'replace' && subAttribute === undefined ? change : { ...element, ...change };
  return subAttribute === undefined ? {} : omit(element, subAttribute);
}

const omit = (element: ScimComplex, name: string): ScimComplex =>
  Object.fromEntries(Object.entries(element).filter(([key]) => key !== name));

const cleared = (current: ScimComplex[], chosen: ReadonlySet<ScimComplex>, name: string): ScimComplex[] =>
  current
    .map((element) => (chosen.has(element) ? omit(element, name) : element))
    .filter((element) => Object.keys(element).length > 0);

/** Removes elements of a list. Entra ID names the elements to remove in `value`, and all others stay. */
function without(
  current: ScimComplex[],
  chosen: ReadonlySet<ScimComplex>,
  { attribute }: Target,
  filter: Filter | undefined,
  value: unknown,
): ScimComplex[] {
  if (filter || value === undefined || value === null) return current.filter((element) => !chosen.has(element));
  const listed = list(parseValue(attribute, value) ?? []).map((element) => element['value']);
  return current.filter((element) => !listed.includes(element['value']));
}

/** Caches results of {@link canonical}. This is safe because elements are never changed in place. */
const texts = new WeakMap<ScimComplex, string>();

/**
 * Returns the same text for equal elements, so that a set finds duplicates. Comparing all pairs of a large request
 * would take seconds.
 */
function canonical(element: ScimComplex): string {
  const text = texts.get(element) ?? JSON.stringify(Object.entries(element).sort());
  texts.set(element, text);
  return text;
}

/** Adds values. If a new value is primary, the other values are no longer primary (RFC 7644 section 3.5.2). */
function added(current: ScimComplex[], values: readonly ScimComplex[], name: string): ScimComplex[] {
  const existing = new Set(current.map(canonical));
  const newValues = values.filter((value) => !existing.has(canonical(value)));
  const next = [...current, ...newValues];
  if (next.length > LIMITS.valuesPerAttribute)
    throw ScimError.of(
      'tooMany',
      `"${name}" would have ${next.length} values; the limit is ${LIMITS.valuesPerAttribute}.`,
    );
  return demoted(
    next,
    newValues.findLast((element) => element['primary'] === true),
  );
}

const demoted = (elements: ScimComplex[], primary: ScimComplex | undefined): ScimComplex[] =>
  primary
    ? elements.map((element) =>
        element !== primary && element['primary'] === true ? { ...element, primary: false } : element,
      )
    : elements;

/** Returns the element that a filter of `eq` terms, joined by `and`, describes. */
function described({ attribute }: Target, filter: Filter): ScimComplex {
  if (filter.kind === 'and')
    return { ...described({ attribute }, filter.left), ...described({ attribute }, filter.right) };
  if (filter.kind !== 'compare' || filter.operator !== 'eq' || filter.value === null) return {};
  const value = typeof filter.value === 'string' ? storable(filter.value, attribute.name, LIMITS.text) : filter.value;
  return parseAttributes(attribute.subAttributes, { [filter.path.attribute]: value }) as ScimComplex;
}

/**
 * Applies a PUT. RFC 7644 section 3.5.1 lets the server keep attributes that the body omits. `active` is kept, because
 * a PUT must not reactivate a person by omission. `externalId` is kept, because it links the person to their sign-in.
 * Every other omitted attribute is removed.
 */
export function replaceUser(current: UserResource, body: unknown, parsed: UserResource): UserResource {
  return {
    ...parsed,
    active: parsed.active ?? current.active ?? true,
    ...(!hasAttribute(body, 'externalId') && current.externalId !== undefined && { externalId: current.externalId }),
  };
}
