/** Parses attribute notation (RFC 7644 section 3.10): `name.givenName`, `urn:...:User:department`. */
import { findAttribute, findExtension, type Attribute, type Schema } from './schema.js';

export interface AttributePath {
  /** The URN as sent. It is undefined for the core schema. */
  readonly urn?: string;
  readonly attribute: string;
  readonly subAttribute?: string;
}

export interface Target {
  /** Undefined for the core schema. */
  readonly extension?: string;
  readonly attribute: Attribute;
  readonly subAttribute?: Attribute;
}

const NAME = /^[$A-Za-z][$\w-]*$/;

/** Parses `[urn:]attribute[.subAttribute]`, or returns undefined. URNs contain dots ("core:2.0"), names do not. */
export function parseAttributePath(text: string): AttributePath | undefined {
  let urn: string | undefined;
  let rest = text;
  if (/^urn:/i.test(text)) {
    const colon = text.lastIndexOf(':');
    urn = text.slice(0, colon);
    rest = text.slice(colon + 1);
  }
  const [attribute = '', subAttribute, ...more] = rest.split('.');
  if (more.length > 0 || !NAME.test(attribute) || (subAttribute !== undefined && !NAME.test(subAttribute)))
    return undefined;
  return { ...(urn !== undefined && { urn }), attribute, ...(subAttribute !== undefined && { subAttribute }) };
}

/** Finds the attribute in `schema`, or in `more` if the path has no URN of an extension. */
export function resolvePath(schema: Schema, path: AttributePath, more: readonly Attribute[] = []): Target | undefined {
  const core = path.urn === undefined || path.urn.toLowerCase() === schema.id.toLowerCase();
  const home = core ? schema : findExtension(schema, path.urn ?? '');
  if (!home) return undefined;
  const attribute =
    findAttribute(home.attributes, path.attribute) ?? (core ? findAttribute(more, path.attribute) : undefined);
  if (!attribute) return undefined;
  const extension = core ? {} : { extension: home.id };
  if (path.subAttribute === undefined) return { ...extension, attribute };
  const subAttribute = findAttribute(attribute.subAttributes, path.subAttribute);
  return subAttribute && { ...extension, attribute, subAttribute };
}

export const printPath = (path: AttributePath): string =>
  `${path.urn === undefined ? '' : `${path.urn}:`}${path.attribute}${path.subAttribute === undefined ? '' : `.${path.subAttribute}`}`;
