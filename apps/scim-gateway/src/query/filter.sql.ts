/**
 * Translates SCIM filters into SQL conditions. Every value is a parameter, and every column comes from {@link Columns}.
 */
import {
  printPath,
  resolvePath,
  ScimError,
  type AttributePath,
  type Filter,
  type FilterValue,
  type Operator,
  type Schema,
} from '#scim';
import { resourceId } from '../http/context.js';

export class Parameters {
  readonly values: unknown[] = [];

  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

export interface Column {
  readonly sql: string;
  /** How values are compared. `folded` ignores upper and lower case. */
  readonly kind: 'exact' | 'folded' | 'flag' | 'instant' | 'id';
  /** Converts a whole value for a `folded` column. The default is lower case. */
  readonly key?: (value: string) => string;
  /** Converts a part of a value for a `folded` column. The default is lower case. */
  readonly part?: (value: string) => string;
}
/** A multi-valued attribute. `from` is a FROM item that returns the elements of the current row. */
export interface Elements {
  readonly from: string;
  readonly columns: Readonly<Record<string, Column>>;
}
export interface Columns {
  readonly schema: Schema;
  /** Columns by `attribute` or `attribute.subAttribute`, in the schema's spelling. */
  readonly single: Readonly<Record<string, Column>>;
  readonly multiple: Readonly<Record<string, Elements>>;
}

type Term = Extract<Filter, { kind: 'present' | 'compare' }>;

/** Returns a condition for WHERE. Throws `invalidFilter` for an attribute or operator that is not supported. */
export function filterSql(filter: Filter, columns: Columns, parameters: Parameters): string {
  return conditionSql(filter, {
    term: (term) => termSql(term, columns, parameters),
    element: (path, inner) => elementSql(path, inner, columns, parameters),
  });
}

/**
 * Builds the condition of a filter. A comparison with a missing value is null, and WHERE treats null as false. Only
 * `not` needs a `coalesce`, because `not null` is null, but must be true here.
 */
function conditionSql(
  filter: Filter,
  sql: {
    readonly term: (term: Term) => string;
    readonly element: (path: AttributePath, inner: Filter) => string;
  },
): string {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return `(${conditionSql(filter.left, sql)} ${filter.kind} ${conditionSql(filter.right, sql)})`;
    case 'not':
      return `not coalesce(${conditionSql(filter.filter, sql)}, false)`;
    case 'element':
      return sql.element(filter.path, filter.filter);
    default:
      return sql.term(filter);
  }
}

/** True if at most one row can match, because the filter compares a unique attribute and nothing else. */
export const isLookup = (filter: Filter | undefined, unique: readonly string[]): boolean =>
  filter?.kind === 'compare' &&
  filter.operator === 'eq' &&
  filter.value !== null &&
  unique.some((name) => name.toLowerCase() === printPath(filter.path).toLowerCase());

/** Returns the number of texts that the filter searches in each row. No index helps such a search. */
export function searchesOf(filter: Filter, unique: readonly string[]): number {
  switch (filter.kind) {
    case 'and': // rows that an index finds are few
      if ([filter.left, filter.right].some((side) => isLookup(side, unique))) return 0;
      return searchesOf(filter.left, unique) + searchesOf(filter.right, unique);
    case 'or':
      return searchesOf(filter.left, unique) + searchesOf(filter.right, unique);
    case 'not':
    case 'element':
      return searchesOf(filter.filter, unique);
    case 'compare':
      return /^(co|sw|ew)$/.test(filter.operator) ? 1 : 0;
    case 'present':
      return 0;
  }
}

function termSql(term: Term, columns: Columns, parameters: Parameters): string {
  const name = nameOf(term.path, columns);
  const single = columns.single[name];
  if (single) return comparison(single, term, parameters);
  const [attribute = '', sub = 'value'] = name.split('.');
  const elements = columns.multiple[attribute];
  const column = elements?.columns[sub];
  if (!column) throw unsupported(term.path, columns);
  return `exists (select 1 from ${elements.from} where ${comparison(column, term, parameters)})`;
}

/** Translates `emails[type eq "work" and value eq "x"]`: one element must satisfy the whole inner filter. */
function elementSql(path: AttributePath, filter: Filter, columns: Columns, parameters: Parameters): string {
  const elements = columns.multiple[nameOf(path, columns)];
  if (!elements) throw unsupported(path, columns);
  const inner = conditionSql(filter, {
    term: (term) => {
      const wanted = term.path.attribute.toLowerCase();
      const column = Object.entries(elements.columns).find(([name]) => name.toLowerCase() === wanted)?.[1];
      if (!column) throw unsupported(term.path, columns);
      return comparison(column, term, parameters);
    },
    element: (nested) => {
      throw unsupported(nested, columns);
    },
  });
  return `exists (select 1 from ${elements.from} where ${inner})`;
}

function nameOf(path: AttributePath, columns: Columns): string {
  const text = printPath({
    attribute: path.attribute,
    ...(path.subAttribute !== undefined && { subAttribute: path.subAttribute }),
  });
  const common = Object.keys(columns.single).find((key) => key.toLowerCase() === text.toLowerCase());
  const own = path.urn === undefined || path.urn.toLowerCase() === columns.schema.id.toLowerCase();
  if (common !== undefined && own) return common;
  const target = resolvePath(columns.schema, path);
  if (!target || target.extension !== undefined) throw unsupported(path, columns);
  return target.subAttribute ? `${target.attribute.name}.${target.subAttribute.name}` : target.attribute.name;
}

function unsupported(path: AttributePath, columns: Columns): ScimError {
  const names = [...Object.keys(columns.single), ...Object.keys(columns.multiple).map((name) => `${name}.value`)];
  return ScimError.of(
    'invalidFilter',
    `Filtering by "${printPath(path).slice(0, 80)}" is not supported. Supported: ${names.join(', ')}.`,
  );
}

function comparison(column: Column, term: Term, parameters: Parameters): string {
  if (term.kind === 'present') return `(${column.sql} is not null)`;
  const { operator, value } = term;
  if (value === null) {
    if (operator === 'eq') return `(${column.sql} is null)`;
    if (operator === 'ne') return `(${column.sql} is not null)`;
    throw ScimError.of('invalidFilter', `The operator ${operator} cannot be used with null. Use eq, ne or pr.`);
  }
  switch (column.kind) {
    case 'exact':
      return textSql(column.sql, operator, parameters.add(String(value)));
    case 'folded':
      return textSql(column.sql, operator, parameters.add(folded(column, operator, String(value))));
    case 'flag':
      return flagSql(column, operator, value, parameters);
    case 'instant':
      return instantSql(column, operator, value, parameters);
    case 'id':
      return idSql(column, operator, value, parameters);
  }
}

/**
 * Converts the value of a filter. `eq` and `ne` compare whole names, so `key` may remove spaces at both ends. Other
 * operators may search for a part of a name that begins or ends with a space.
 */
const folded = ({ key, part }: Column, operator: Operator, value: string): string => {
  const convert = operator === 'eq' || operator === 'ne' ? key : part;
  return convert ? convert(value) : value.toLowerCase();
};

const SIGNS: Partial<Record<Operator, string>> = { eq: '=', gt: '>', ge: '>=', lt: '<', le: '<=' };

function textSql(sql: string, operator: Operator, parameter: string): string {
  const wanted = `${parameter}::text`;
  switch (operator) {
    case 'eq':
      return `(${sql} = ${wanted})`;
    case 'ne':
      return `(${sql} is distinct from ${wanted})`;
    case 'co':
      return `(strpos(${sql}, ${wanted}) > 0)`;
    case 'sw':
      return `starts_with(${sql}, ${wanted})`;
    case 'ew':
      return `(right(${sql}, length(${wanted})) = ${wanted})`;
    default:
      return `(${sql} collate "C" ${SIGNS[operator]} ${wanted})`;
  }
}

function flagSql(column: Column, operator: Operator, value: FilterValue, parameters: Parameters): string {
  requireEquality('true or false', operator);
  const text = String(value).toLowerCase();
  if (text !== 'true' && text !== 'false')
    throw ScimError.of(
      'invalidFilter',
      `This attribute is true or false; it cannot be compared with ${JSON.stringify(value).slice(0, 80)}.`,
    );
  const wanted = parameters.add(text === 'true');
  return operator === 'eq' ? `(${column.sql} = ${wanted})` : `(${column.sql} is distinct from ${wanted})`;
}

function instantSql(column: Column, operator: Operator, value: FilterValue, parameters: Parameters): string {
  const sign = operator === 'ne' ? '<>' : SIGNS[operator];
  const time = typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN;
  if (sign === undefined || Number.isNaN(time))
    throw ScimError.of(
      'invalidFilter',
      'A date and time can be compared with eq, ne, gt, ge, lt or le and a value like "2026-01-31T08:00:00Z".',
    );
  return `(${column.sql} ${sign} ${parameters.add(new Date(time))}::timestamptz)`;
}

/** Compares an id. A text that cannot be an id equals no id, and is not an error. */
function idSql(column: Column, operator: Operator, value: FilterValue, parameters: Parameters): string {
  requireEquality('an id', operator);
  const id = resourceId(String(value));
  if (id === undefined) return operator === 'eq' ? 'false' : 'true';
  return `(${column.sql} ${operator === 'eq' ? '=' : '<>'} ${parameters.add(id)}::uuid)`;
}

function requireEquality(what: string, operator: Operator): void {
  if (operator !== 'eq' && operator !== 'ne')
    throw ScimError.of(
      'invalidFilter',
      `An attribute that is ${what} can be compared with eq and ne only, not with ${operator}.`,
    );
}
