/** Applies a filter to one element of a multi-valued attribute (RFC 7644 section 3.5.2). */
import { quote, ScimError } from './errors.js';
import type { Filter, FilterValue, Operator } from './filter.js';
import { parseBoolean, type ScimComplex, type ScimPrimitive } from './resource.js';
import { findAttribute, type Attribute } from './schema.js';

export function matches(attribute: Attribute, element: ScimComplex, filter: Filter): boolean {
  switch (filter.kind) {
    case 'and':
      return matches(attribute, element, filter.left) && matches(attribute, element, filter.right);
    case 'or':
      return matches(attribute, element, filter.left) || matches(attribute, element, filter.right);
    case 'not':
      return !matches(attribute, element, filter.filter);
    case 'present': {
      const value = element[subAttribute(attribute, filter.path.attribute).name];
      return value !== undefined && value !== '';
    }
    case 'compare': {
      const sub = subAttribute(attribute, filter.path.attribute);
      return compare(element[sub.name], filter.operator, filter.value, sub);
    }
    case 'element':
      throw ScimError.of('invalidFilter', 'A filter inside [ ] cannot contain another [ ].');
  }
}

function subAttribute(attribute: Attribute, name: string): Attribute {
  const found = findAttribute(attribute.subAttributes, name);
  if (!found)
    throw ScimError.of(
      'invalidFilter',
      `"${attribute.name}" has no sub-attribute ${quote(name)}; it has ${attribute.subAttributes.map((a) => a.name).join(', ')}.`,
    );
  return found;
}

/** Compares one value (RFC 7644 table 3). A missing value equals only null. */
function compare(
  stored: ScimPrimitive | undefined,
  operator: Operator,
  wanted: FilterValue,
  attribute: Attribute,
): boolean {
  if (wanted === null)
    return operator === 'eq' ? stored === undefined : operator === 'ne' ? stored !== undefined : false;
  if (attribute.type === 'boolean') {
    const expected = parseBoolean(attribute.name, wanted);
    const actual = stored === true;
    return operator === 'eq' ? actual === expected : operator === 'ne' ? actual !== expected : false;
  }
  if (stored === undefined) return operator === 'ne';
  const fold = (value: unknown) => (attribute.caseExact ? String(value) : String(value).toLowerCase());
  const a = fold(stored);
  const b = fold(wanted);
  switch (operator) {
    case 'eq':
      return a === b;
    case 'ne':
      return a !== b;
    case 'co':
      return a.includes(b);
    case 'sw':
      return a.startsWith(b);
    case 'ew':
      return a.endsWith(b);
    case 'gt':
      return a > b;
    case 'ge':
      return a >= b;
    case 'lt':
      return a < b;
    case 'le':
      return a <= b;
  }
}
