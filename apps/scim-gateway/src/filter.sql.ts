/** Filters -> SQL conditions. Each text and id is a parameter; column expressions come from the tables below only. */
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
import { resourceId } from './http/scim-request.js';

export class Parameters {
  readonly values: unknown[] = [];

  add(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/** How an attribute is compared: exact text, text without regard to case, flag, instant, id. */
type Kind = 'exact' | 'folded' | 'flag' | 'instant' | 'id';
export interface Column {
  readonly sql: string;
  readonly kind: Kind;
  /** What a folded column holds of a whole value, if that is more than lower case. */
  readonly key?: (value: string) => string;
}
/** A multi-valued attribute: `from` yields the elements of the row at hand. */
export interface Elements {
  readonly from: string;
  readonly columns: Readonly<Record<string, Column>>;
}
export interface Columns {
  readonly schema: Schema;
  /** `attribute` or `attribute.subAttribute` in the schema's spelling. */
  readonly single: Readonly<Record<string, Column>>;
  readonly multiple: Readonly<Record<string, Elements>>;
}

/**
 * A condition for WHERE. It may be null where a value is missing, which counts as false there and in `and` and `or`;
 * only `not` has to say so. (A `coalesce` around every comparison would hide the columns from their indexes: each
 * lookup by userName would read the whole directory.)
 */
export function filterSql(filter: Filter, columns: Columns, parameters: Parameters): string {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return `(${filterSql(filter.left, columns, parameters)} ${filter.kind} ${filterSql(filter.right, columns, parameters)})`;
    case 'not':
      return `not coalesce(${filterSql(filter.filter, columns, parameters)}, false)`;
    case 'element':
      return elementSql(filter.path, filter.filter, columns, parameters);
    default:
      return termSql(filter, columns, parameters);
  }
}

/**
 * The order of a page. An equality with an attribute that at most one row can have needs none; with one, a planner
 * without statistics walks the index of the order through the whole tenant instead of probing the attribute's.
 */
export function orderSql(filter: Filter | undefined, unique: readonly string[], order: string): string {
  const one =
    filter?.kind === 'compare' &&
    filter.operator === 'eq' &&
    filter.value !== null &&
    unique.some((name) => name.toLowerCase() === printPath(filter.path).toLowerCase());
  return one ? '' : `order by ${order}`;
}

type Term = Extract<Filter, { kind: 'present' | 'compare' }>;

function termSql(term: Term, columns: Columns, parameters: Parameters): string {
  const name = nameOf(term.path, columns);
  const single = columns.single[name];
  if (single) return comparison(single, term, parameters);
  const [attribute = '', sub] = name.split('.');
  const elements = columns.multiple[attribute];
  if (!elements) throw unsupported(term.path, columns);
  const column = elements.columns[sub ?? 'value'];
  if (!column) throw unsupported(term.path, columns);
  return `exists (select 1 from ${elements.from} where ${comparison(column, term, parameters)})`;
}

/** `emails[type eq "work" and value eq "x"]`: one element has to satisfy it all. */
function elementSql(path: AttributePath, filter: Filter, columns: Columns, parameters: Parameters): string {
  const elements = columns.multiple[nameOf(path, columns)];
  if (!elements) throw unsupported(path, columns);
  const inner = (term: Term): string => {
    const wanted = term.path.attribute.toLowerCase();
    const column = Object.entries(elements.columns).find(([name]) => name.toLowerCase() === wanted)?.[1];
    if (!column) throw unsupported(term.path, columns);
    return comparison(column, term, parameters);
  };
  const inside = (f: Filter): string => {
    switch (f.kind) {
      case 'and':
      case 'or':
        return `(${inside(f.left)} ${f.kind} ${inside(f.right)})`;
      case 'not':
        return `not coalesce(${inside(f.filter)}, false)`;
      case 'element':
        throw unsupported(f.path, columns);
      default:
        return inner(f);
    }
  };
  return `exists (select 1 from ${elements.from} where ${inside(filter)})`;
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
    throw ScimError.of('invalidFilter', `"${operator} null" compares with nothing; use eq, ne or pr.`);
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

/** A part of a name keeps its outer blanks: they may be inner ones of the whole. */
const folded = ({ key }: Column, operator: Operator, value: string): string =>
  key && (operator === 'eq' || operator === 'ne') ? key(value) : value.toLowerCase();

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
  if (operator !== 'eq' && operator !== 'ne')
    throw ScimError.of('invalidFilter', `Flags can be compared with eq and ne only, not with ${operator}.`);
  const wanted = parameters.add(/^true$/i.test(String(value)) || (!/^false$/i.test(String(value)) && notAFlag(value)));
  return operator === 'eq' ? `(${column.sql} = ${wanted})` : `(${column.sql} is distinct from ${wanted})`;
}

function notAFlag(value: FilterValue): never {
  throw ScimError.of(
    'invalidFilter',
    `A flag must be compared with true or false, not with ${JSON.stringify(value).slice(0, 80)}.`,
  );
}

function instantSql(column: Column, operator: Operator, value: FilterValue, parameters: Parameters): string {
  const sign = operator === 'ne' ? '<>' : SIGNS[operator];
  const time = typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN;
  if (sign === undefined || Number.isNaN(time))
    throw ScimError.of(
      'invalidFilter',
      'Instants are compared with eq, ne, gt, ge, lt or le and a value like "2026-01-31T08:00:00Z".',
    );
  return `(${column.sql} ${sign} ${parameters.add(new Date(time))}::timestamptz)`;
}

/** An id that cannot exist here equals nothing; that is no error. */
function idSql(column: Column, operator: Operator, value: FilterValue, parameters: Parameters): string {
  if (operator !== 'eq' && operator !== 'ne')
    throw ScimError.of('invalidFilter', `Ids can be compared with eq and ne only, not with ${operator}.`);
  const id = resourceId(String(value));
  if (id === undefined) return operator === 'eq' ? 'false' : 'true';
  return `(${column.sql} ${operator === 'eq' ? '=' : '<>'} ${parameters.add(id)}::uuid)`;
}
