/**
 * Helpers for entities. One class per table describes its columns, for TypeORM's repositories and for our own SQL.
 * Properties are camelCase and columns are snake_case, so no column needs an explicit name.
 */
import { Column, DefaultNamingStrategy, getMetadataArgsStorage, type ColumnOptions } from 'typeorm';

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

export class SnakeCaseNaming extends DefaultNamingStrategy {
  override columnName(property: string, customName: string | undefined, prefixes: string[]): string {
    return [...prefixes.map(snakeCase), customName ?? snakeCase(property)].join('_');
  }
}

/** A `bigint` column that is read as a JavaScript number. Use it for versions and counts, which stay far below 2^53. */
export const BigIntColumn = (options: ColumnOptions = {}): PropertyDecorator =>
  Column({
    type: 'bigint',
    transformer: {
      from: (value: string | null) => (value === null ? null : Number(value)),
      to: (value: unknown) => value,
    },
    ...options,
  });

type EntityClass<T> = abstract new () => T;

function columnNames<T>(entity: EntityClass<T>): { property: string; column: string; type: unknown }[] {
  const classes: unknown[] = [];
  for (let c: unknown = entity; typeof c === 'function' && c !== Function.prototype; c = Object.getPrototypeOf(c))
    classes.push(c);
  return getMetadataArgsStorage()
    .columns.filter((c) => classes.includes(c.target))
    .map(({ propertyName, options }) => ({
      property: propertyName,
      column: options.name ?? snakeCase(propertyName),
      type: options.type,
    }));
}

/**
 * Builds the select list of our own SQL, e.g. `a.user_name as "userName", a.version::float8 as "version"`. A row then
 * has the type `Pick<AccountEntity, 'userName' | 'version'>`. Without `only`, the list contains all columns. Without
 * `alias`, the columns are not qualified.
 */
export function columnsOf<T, K extends keyof T & string>(
  entity: EntityClass<T>,
  { alias, only }: { readonly alias?: string; readonly only?: readonly K[] } = {},
): string {
  const all = columnNames(entity);
  const wanted = only ? only.map((name) => all.find((c) => c.property === name) ?? unknownColumn(entity, name)) : all;
  const prefix = alias === undefined ? '' : `${alias}.`;
  return wanted
    .map(({ property, column, type }) => `${prefix}${column}${type === 'bigint' ? '::float8' : ''} as "${property}"`)
    .join(', ');
}

function unknownColumn(entity: { readonly name: string }, property: string): never {
  throw new Error(`${entity.name} has no column for the property "${property}"`);
}
