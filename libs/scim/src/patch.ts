import { quote, ScimError } from './errors.js';
import { parseFilter, type Filter } from './filter.js';
import { LIMITS } from './limits.js';
import { parseAttributePath, type AttributePath } from './path.js';
import { isObject, requireObject, valueOf } from './resource.js';
import type { Attribute } from './schema.js';

export type PatchVerb = 'add' | 'replace' | 'remove';

/** The parts of a path such as `emails[type eq "work"].value`. */
export interface PatchPath {
  readonly path: AttributePath;
  readonly filter?: Filter;
  readonly text: string;
}

export interface PatchOperation {
  readonly op: PatchVerb;
  /** Undefined if the operation has no path, or if its path is the URN of an extension (`urn`). */
  readonly path?: PatchPath;
  readonly urn?: string;
  readonly value: unknown;
}

/**
 * Parses a PATCH (RFC 7644 section 3.5.2). `schemas` may be missing (Okta's rename), and verbs may be capitalised
 * (Entra ID).
 */
export function parsePatch(body: unknown, extensionUrns: readonly string[] = []): PatchOperation[] {
  const operations = valueOf(requireObject(body, 'The request body'), 'Operations');
  if (!Array.isArray(operations) || operations.length === 0)
    throw ScimError.of('invalidSyntax', 'A PATCH needs "Operations", a list of at least one operation.');
  if (operations.length > LIMITS.patchOperations)
    throw ScimError.of(
      'tooMany',
      `The PATCH has ${operations.length} operations; the limit is ${LIMITS.patchOperations.toLocaleString('en')}.`,
    );
  let values = 0;
  return operations.map((source: unknown) => {
    const operation = parseOperation(requireObject(source, 'Each operation'), extensionUrns);
    values += countValues(operation.value);
    if (values > LIMITS.patchValues)
      throw ScimError.of(
        'tooMany',
        `The PATCH has more than ${LIMITS.patchValues.toLocaleString('en')} values, which is the limit.`,
      );
    return operation;
  });
}

function parseOperation(source: Record<string, unknown>, extensionUrns: readonly string[]): PatchOperation {
  const verb = valueOf(source, 'op');
  const op = typeof verb === 'string' ? verb.toLowerCase() : '';
  if (op !== 'add' && op !== 'replace' && op !== 'remove')
    throw ScimError.of('invalidSyntax', `"op" must be add, replace or remove, but is ${quote(verb ?? '')}.`);
  const text = valueOf(source, 'path');
  const value = valueOf(source, 'value');
  if (text !== undefined && text !== null && typeof text !== 'string')
    throw ScimError.of('invalidPath', '"path" must be a text.');
  if (typeof text !== 'string' || text === '') {
    if (op === 'remove') throw ScimError.of('noTarget', 'A remove operation needs a "path" that says what to remove.');
    if (!isObject(value))
      throw ScimError.of(
        'invalidValue',
        `An operation without "path" needs a "value" that is an object of attributes.`,
      );
    return { op, value };
  }
  const urn = extensionUrns.find((u) => u.toLowerCase() === text.toLowerCase());
  return urn === undefined ? { op, path: parsePatchPath(text), value } : { op, urn, value };
}

/** Parses a path. Throws `invalidPath` for a malformed path and `invalidFilter` for a malformed filter in it. */
function parsePatchPath(text: string): PatchPath {
  if (text.length > LIMITS.filterCharacters)
    throw ScimError.of(
      'invalidPath',
      `The path is ${text.length} characters long; the limit is ${LIMITS.filterCharacters}.`,
    );
  const open = text.indexOf('[');
  const close = text.lastIndexOf(']');
  const outer = open === -1 ? text : text.slice(0, open) + text.slice(close + 1);
  const path = parseAttributePath(outer.trim());
  const closed = open === -1 ? close === -1 : close > open && /^(\.|$)/.test(text.slice(close + 1));
  if (!path || !closed || (open !== -1 && parseAttributePath(text.slice(0, open).trim())?.subAttribute !== undefined))
    throw ScimError.of(
      'invalidPath',
      `The path ${quote(text)} cannot be read. Examples: "active", "name.givenName", emails[type eq "work"].value.`,
    );
  return { path, text, ...(open !== -1 && { filter: parseFilter(text.slice(open + 1, close)) }) };
}

export const filterOnSingleValue = ({ name }: Attribute): ScimError =>
  ScimError.of('invalidPath', `"${name}" has one value only, so a filter in [ ] cannot be applied to it.`);

function countValues(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  if (!isObject(value)) return 1;
  return Object.values(value).reduce((sum: number, inner) => sum + (Array.isArray(inner) ? inner.length : 1), 0);
}
