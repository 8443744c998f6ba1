/**
 * Checks that a new JSON Schema adds only optional properties, event types and descriptions to a released one.
 * Subscribers with the released schema must understand new events, and events in the log must match the new schema. The
 * check knows the keywords that zod writes: type, properties, required, items, enum, const, anyOf, oneOf, constraints.
 */
import type { JsonSchema, TypeSchema } from './json-schema.js';

/** Returns the changes that are not additive, each with the path of its property. */
export function isAdditive(released: JsonSchema, current: JsonSchema, at = 'data'): string[] {
  const before = alternatives(released);
  const now = alternatives(current);
  if (before.length > 1 || now.length > 1) return compareAlternatives(before, now, at);
  return [
    ...compareType(released, current, at),
    ...compareValues(released, current, at),
    ...compareConstraints(released, current, at),
    ...compareProperties(released, current, at),
    ...compareItems(released, current, at),
  ];
}

/** Returns the changes of the whole catalog that are not additive, including removed and moved event types. */
export function catalogFaults(
  released: Readonly<Record<string, TypeSchema>>,
  current: Readonly<Record<string, TypeSchema>>,
): string[] {
  return Object.entries(released).flatMap(([type, before]) => {
    const now = current[type];
    if (!now) return [`${type}: the type was removed`];
    if (now.topic !== before.topic) return [`${type}: moved from topic ${before.topic} to ${now.topic}`];
    return isAdditive(before.schema, now.schema).map((fault) => `${type}: ${fault}`);
  });
}

function alternatives(schema: JsonSchema): JsonSchema[] {
  const union = (schema.anyOf ?? schema.oneOf) as JsonSchema[] | undefined;
  if (union) return union.flatMap(alternatives);
  if (Array.isArray(schema.type)) return schema.type.map((type: unknown) => ({ ...schema, type }));
  return [schema];
}

/** Compares the alternatives of a union. Each alternative needs an equal one in the other schema. */
function compareAlternatives(before: readonly JsonSchema[], now: readonly JsonSchema[], at: string): string[] {
  const hasPartner = (
    one: JsonSchema,
    others: readonly JsonSchema[],
    compare: (other: JsonSchema) => string[],
  ): boolean => others.some((other) => kind(other) === kind(one) && compare(other).length === 0);
  const pairs = pairByKind(before, now);
  if (pairs) return pairs.flatMap(([b, n]) => isAdditive(b, n, at));
  return [
    ...before
      .filter((b) => !hasPartner(b, now, (n) => isAdditive(b, n, at)))
      .map((b) => `${at}: no longer allows ${describe(b)}, which events in the log may contain`),
    ...now
      .filter((n) => !hasPartner(n, before, (b) => isAdditive(b, n, at)))
      .map((n) => `${at}: now also allows ${describe(n)}, which released subscribers do not expect`),
  ];
}

/**
 * Pairs the alternatives of both schemas by type, so that a fault names the exact property. Returns null if a schema
 * has a type twice.
 */
function pairByKind(before: readonly JsonSchema[], now: readonly JsonSchema[]): [JsonSchema, JsonSchema][] | null {
  const kinds = before.map(kind);
  if (before.length !== now.length || new Set(kinds).size !== kinds.length) return null;
  const partners = kinds.map((k) => now.find((n) => kind(n) === k));
  return partners.every((p) => p !== undefined) ? before.map((b, i) => [b, partners[i] ?? {}]) : null;
}

const kind = (schema: JsonSchema): string => typeName(schema) ?? typeof schema.const;
const typeName = (schema: JsonSchema): string | undefined =>
  typeof schema.type === 'string' ? schema.type : undefined;
const describe = (schema: JsonSchema): string => {
  const properties = Object.keys(schema.properties ?? {});
  return properties.length > 0 ? `an object with ${properties.join(', ')}` : kind(schema);
};

function compareType(before: JsonSchema, now: JsonSchema, at: string): string[] {
  if (before.type === now.type) return [];
  if (before.type === 'number' && now.type === 'integer') return [`${at}: narrowed from number to integer`];
  return [`${at}: type changed from ${typeName(before) ?? 'any'} to ${typeName(now) ?? 'any'}`];
}

function compareValues(before: JsonSchema, now: JsonSchema, at: string): string[] {
  const values = (schema: JsonSchema): unknown[] | undefined =>
    (schema.enum as unknown[] | undefined) ?? ('const' in schema ? [schema.const] : undefined);
  const [old, fresh] = [values(before), values(now)];
  if (!old && !fresh) return [];
  if (!old) return [`${at}: narrowed to the values ${JSON.stringify(fresh)}`];
  if (!fresh) return [`${at}: widened from the values ${JSON.stringify(old)} to any value`];
  return [
    ...old.filter((v) => !fresh.includes(v)).map((v) => `${at}: the value ${JSON.stringify(v)} was removed`),
    ...fresh
      .filter((v) => !old.includes(v))
      .map((v) => `${at}: the value ${JSON.stringify(v)} was added; released subscribers refuse it`),
  ];
}

const CONSTRAINTS = [
  'format',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minItems',
  'maxItems',
  'uniqueItems',
  'additionalProperties',
  'propertyNames',
] as const;

function compareConstraints(before: JsonSchema, now: JsonSchema, at: string): string[] {
  return CONSTRAINTS.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(now[name])).map((name) => {
    if (before[name] === undefined) return `${at}: narrowed by ${name} ${JSON.stringify(now[name])}`;
    if (now[name] === undefined) return `${at}: widened, ${name} ${JSON.stringify(before[name])} was removed`;
    return `${at}: ${name} changed from ${JSON.stringify(before[name])} to ${JSON.stringify(now[name])}`;
  });
}

function compareProperties(before: JsonSchema, now: JsonSchema, at: string): string[] {
  const old = (before.properties ?? {}) as Record<string, JsonSchema>;
  const fresh = (now.properties ?? {}) as Record<string, JsonSchema>;
  const [wasRequired, isRequired] = [(before.required ?? []) as string[], (now.required ?? []) as string[]];
  const removed = Object.keys(old).filter((name) => !(name in fresh));
  return [
    ...removed.map((name) => `${at}.${name}: was removed`),
    ...wasRequired
      .filter((name) => name in fresh && !isRequired.includes(name))
      .map((name) => `${at}.${name}: is no longer required, but released subscribers expect it`),
    ...isRequired
      .filter((name) => !wasRequired.includes(name))
      .map((name) => `${at}.${name}: is now required, but events in the log do not contain it`),
    ...Object.entries(old).flatMap(([name, schema]) =>
      fresh[name] ? isAdditive(schema, fresh[name], `${at}.${name}`) : [],
    ),
  ];
}

function compareItems(before: JsonSchema, now: JsonSchema, at: string): string[] {
  const [old, fresh] = [before.items as JsonSchema | undefined, now.items as JsonSchema | undefined];
  if (old && fresh) return isAdditive(old, fresh, `${at}[]`);
  return old || fresh ? [`${at}[]: the description of the items was ${old ? 'removed' : 'added'}`] : [];
}
