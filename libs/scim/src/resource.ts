/**
 * Parses request bodies and keeps only attributes of the schema. It accepts the dialects of Okta and Entra ID: strings
 * for booleans, `null` for "unassigned", names in any case.
 */
import { quote, ScimError } from './errors.js';
import { LIMITS } from './limits.js';
import {
  ENTERPRISE_SCHEMA,
  findAttribute,
  findExtension,
  groupSchema,
  userSchema,
  type Attribute,
  type Schema,
} from './schema.js';
import { inTurns } from './turns.js';

export type ScimPrimitive = string | boolean;
export type ScimComplex = { [name: string]: ScimPrimitive };
export type ScimValue = ScimPrimitive | ScimComplex | ScimComplex[] | { [name: string]: ScimPrimitive | ScimComplex };
/** Assigned attributes by name, in the schema's spelling. */
export type Resource = { [name: string]: ScimValue };

export interface MultiValue {
  value?: string;
  display?: string;
  type?: string;
  primary?: boolean;
}

export interface UserResource {
  userName: string;
  externalId?: string;
  active?: boolean;
  displayName?: string;
  name?: { formatted?: string; familyName?: string; givenName?: string; middleName?: string };
  emails?: MultiValue[];
  [ENTERPRISE_SCHEMA]?: { [name: string]: ScimPrimitive | ScimComplex };
  [name: string]: unknown;
}

export interface GroupResource {
  displayName: string;
  externalId?: string | null;
  /** Ids of members without duplicates. Undefined means that the body does not name members. */
  members?: string[];
}

/** RFC 7643 section 2.5: `null` in a body means "unassigned". */
const UNASSIGNED = null;

/** Parses a user. `active` and `externalId` are undefined if the body does not contain them. */
export function parseUser(body: unknown): UserResource {
  const source = requireObject(body, 'The request body');
  checkSchemas(source, userSchema);
  const resource = parseAttributes(userSchema.attributes, source, userSchema);
  const userName = resource['userName'];
  if (typeof userName !== 'string' || userName.trim() === '')
    throw ScimError.of(
      'invalidValue',
      'userName is missing or empty. Map a value to "userName" in the provisioning settings of the application.',
    );
  checkUserName(userName);
  return resource as UserResource;
}

/** Refuses names that look like the name of another person. Okta and Entra ID need names back exactly as they sent them. */
export function checkUserName(userName: string): void {
  if (userName !== userName.trim() || /\p{Control}/u.test(userName))
    throw ScimError.of(
      'invalidValue',
      `userName ${quote(userName)} begins or ends with a blank, or contains a control character. Remove it in the identity provider.`,
    );
}

export async function parseGroup(body: unknown): Promise<GroupResource> {
  const source = requireObject(body, 'The request body');
  checkSchemas(source, groupSchema);
  const members = valueOf(source, 'members');
  const resource = parseAttributes(
    groupSchema.attributes.filter((a) => a.name !== 'members'),
    source,
    groupSchema,
  );
  const displayName = resource['displayName'];
  if (typeof displayName !== 'string' || displayName.trim() === '')
    throw ScimError.of('invalidValue', 'displayName is missing or empty. A group needs a name.');
  const externalId = resource['externalId'];
  return {
    displayName,
    ...(typeof externalId === 'string'
      ? { externalId }
      : valueOf(source, 'externalId') === null
        ? { externalId: null }
        : {}),
    ...(members !== undefined && { members: await parseMemberIds(members, LIMITS.groupMembers) }),
  };
}

/** Parses ids of members. `value` is an id, an object `{value: id}`, or a list of these. */
export async function parseMemberIds(value: unknown, limit: number): Promise<string[]> {
  if (value === UNASSIGNED) return [];
  const list = Array.isArray(value) ? value : [value];
  if (list.length > limit)
    throw new ScimError(
      400,
      `The request lists ${list.length} members; the limit is ${limit.toLocaleString('en')}. Split it into several requests.`,
      { scimType: 'tooMany' },
    );
  const ids = new Set<string>();
  await inTurns(list, (element: unknown) => {
    const id = typeof element === 'string' ? element : isObject(element) ? valueOf(element, 'value') : undefined;
    if (typeof id !== 'string' || id === '')
      throw ScimError.of(
        'invalidValue',
        `Each member needs a "value" with the id of a user, but one is ${quote(element)}.`,
      );
    ids.add(storable(id, 'members.value', LIMITS.text));
  });
  return [...ids];
}

/** Parses attributes. Refuses a name that occurs twice in different case. */
export function parseAttributes(
  attributes: readonly Attribute[],
  source: Readonly<Record<string, unknown>>,
  schema?: Schema,
): Resource {
  const result: Resource = {};
  for (const key of Object.keys(source)) {
    const attribute = findAttribute(attributes, key);
    if (attribute) {
      if (attribute.mutability !== 'readWrite') continue;
      if (Object.hasOwn(result, attribute.name))
        throw ScimError.of('invalidSyntax', `The attribute "${attribute.name}" is given twice. Send it once.`);
      const value = parseValue(attribute, source[key]);
      if (value !== UNASSIGNED) result[attribute.name] = value;
      continue;
    }
    const extension = schema && findExtension(schema, key);
    if (!extension || source[key] === null) continue;
    const value = parseAttributes(extension.attributes, requireObject(source[key], `"${extension.id}"`));
    if (Object.keys(value).length > 0) result[extension.id] = value as ScimComplex;
  }
  return result;
}

/** Parses the value of an attribute. Returns null if the value is unassigned. */
export function parseValue(attribute: Attribute, value: unknown): ScimValue | null {
  if (value === null || value === undefined) return UNASSIGNED;
  if (attribute.multiValued) return parseList(attribute, value);
  const one = Array.isArray(value) ? onlyElement(attribute, value) : value;
  if (one === null || one === undefined) return UNASSIGNED;
  if (one === '' && attribute.name === 'externalId') return UNASSIGNED; // an empty id identifies no person
  return attribute.type === 'complex' ? parseComplex(attribute, one) : parsePrimitive(attribute, one);
}

/** Some clients send a single value as a list with one element. */
function onlyElement(attribute: Attribute, list: readonly unknown[]): unknown {
  if (list.length <= 1) return list[0];
  throw ScimError.of(
    'invalidValue',
    `"${attribute.name}" accepts only one value, but a list of ${list.length} was sent.`,
  );
}

function parseList(attribute: Attribute, value: unknown): ScimComplex[] | null {
  const list = Array.isArray(value) ? value : [value];
  if (list.length > LIMITS.valuesPerAttribute)
    throw ScimError.of(
      'tooMany',
      `"${attribute.name}" has ${list.length} values; the limit is ${LIMITS.valuesPerAttribute}.`,
    );
  const elements = list
    .map((element) => (element === null ? null : parseComplex(attribute, element)))
    .filter((e) => e !== null);
  if (elements.filter((e) => e['primary'] === true).length > 1)
    throw ScimError.of(
      'invalidValue',
      `More than one value of "${attribute.name}" is marked primary. Mark at most one.`,
    );
  return elements.length > 0 ? elements : UNASSIGNED;
}

/**
 * Parses a complex value. Entra ID may send `manager` as a bare text, which means `{value: text}`, or as `""`, which
 * means "unassigned".
 */
export function parseComplex(attribute: Attribute, value: unknown): ScimComplex | null {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    const inner = findAttribute(attribute.subAttributes, 'value');
    if (!inner)
      throw ScimError.of('invalidValue', `"${attribute.name}" must be an object, but a ${typeof value} was sent.`);
    return value === '' ? UNASSIGNED : { value: parsePrimitive(inner, value, attribute.name) };
  }
  const parsed = parseAttributes(attribute.subAttributes, requireObject(value, `"${attribute.name}"`)) as ScimComplex;
  return Object.keys(parsed).length > 0 ? parsed : UNASSIGNED;
}

/**
 * Parses a text or a boolean. A number is never converted into text: JSON numbers beyond 2^53 are rounded, so an id could
 * become the id of another person.
 */
function parsePrimitive(attribute: Attribute, value: unknown, name = attribute.name): ScimPrimitive {
  if (attribute.type === 'boolean') return parseBoolean(name, value);
  if (typeof value === 'string') return storable(value, name, attribute.maxLength);
  const sent = Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
  throw ScimError.of('invalidValue', `"${name}" must be a text in quotes, but ${sent} was sent.`);
}

/** Parses a boolean. Entra ID sends "True" and "False", unless a flag in its tenant URL selects real booleans. */
export function parseBoolean(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  const text = typeof value === 'string' ? value.toLowerCase() : undefined;
  if (text === 'true') return true;
  if (text === 'false') return false;
  throw ScimError.of('invalidValue', `"${name}" must be true or false, but ${quote(value)} was sent.`);
}

/** Refuses text that Postgres cannot store (NUL, half of a surrogate pair) or index (too long). */
export function storable(value: string, name: string, maxLength: number): string {
  if (value.length > maxLength)
    throw ScimError.of('invalidValue', `"${name}" is ${value.length} characters long; the limit is ${maxLength}.`);
  if (value.includes('\0') || /\p{Surrogate}/u.test(value))
    throw ScimError.of(
      'invalidValue',
      `"${name}" contains a character that cannot be stored (NUL or half of a surrogate pair). Remove it in the identity provider.`,
    );
  return value;
}

function checkSchemas(source: Readonly<Record<string, unknown>>, schema: Schema): void {
  const schemas = valueOf(source, 'schemas');
  if (schemas === undefined || schemas === null) return;
  if (!Array.isArray(schemas)) throw ScimError.of('invalidSyntax', '"schemas" must be a list of schema URNs.');
  const wanted = schema.id.toLowerCase();
  if (schemas.length > 0 && !schemas.some((s) => typeof s === 'string' && s.toLowerCase() === wanted))
    throw ScimError.of('invalidValue', `"schemas" must contain "${schema.id}" at this endpoint.`);
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function requireObject(value: unknown, what: string): Record<string, unknown> {
  if (isObject(value)) return value;
  throw ScimError.of(
    'invalidSyntax',
    `${what} must be a JSON object${value === undefined ? ', but it is empty' : ''}.`,
  );
}

/** True if the body contains the attribute, even with the value `null`. */
export const hasAttribute = (body: unknown, attribute: string): boolean =>
  isObject(body) && valueOf(body, attribute) !== undefined;

/** Returns a property, whose name may be in any case. Inherited properties are ignored. */
export function valueOf(source: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(source, name)) return source[name];
  const wanted = name.toLowerCase();
  const key = Object.keys(source).find((k) => k.toLowerCase() === wanted);
  return key === undefined ? undefined : source[key];
}
