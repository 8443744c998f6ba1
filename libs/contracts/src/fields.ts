/** Decorators for the fields of DTO classes. One decorator validates a field and documents it for OpenAPI. */
import { applyDecorators } from '@nestjs/common';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsNumber,
  IsObject,
  IsString,
  IsUUID,
  Length,
  Matches,
  Max,
  Min,
  ValidateIf,
  ValidateNested,
} from 'class-validator';

export interface FieldOptions {
  readonly description?: string;
  readonly example?: unknown;
  readonly optional?: boolean;
  readonly nullable?: boolean;
}

export interface ListOptions extends FieldOptions {
  readonly minItems?: number;
  readonly maxItems?: number;
}

type Class = new () => object;

function field(options: FieldOptions, schema: ApiPropertyOptions, checks: PropertyDecorator[]): PropertyDecorator {
  const { optional = false, nullable = false, description, example } = options;
  const skip = [
    // Do not use `IsOptional`, which would accept null too.
    ...(optional ? [ValidateIf((_object: object, value: unknown) => value !== undefined)] : []),
    ...(nullable ? [ValidateIf((_object: object, value: unknown) => value !== null)] : []),
  ];
  return applyDecorators(
    ApiProperty({
      ...schema,
      required: !optional,
      ...(nullable && { nullable }),
      ...(description !== undefined && { description }),
      ...(example !== undefined && { example }),
    } as ApiPropertyOptions),
    ...skip,
    ...checks,
  );
}

function listField(options: ListOptions, items: ApiPropertyOptions, checks: PropertyDecorator[]): PropertyDecorator {
  const { minItems, maxItems } = options;
  const bounds = [
    ...(minItems === undefined ? [] : [ArrayMinSize(minItems)]),
    ...(maxItems === undefined ? [] : [ArrayMaxSize(maxItems)]),
  ];
  return field(options, { ...items, isArray: true, minItems, maxItems }, [IsArray(), ...bounds, ...checks]);
}

/** Text of 1 to `max` characters (256 by default); `min: 0` allows the empty text. */
export const Text = (
  options: FieldOptions & { readonly min?: number; readonly max?: number; readonly pattern?: RegExp } = {},
): PropertyDecorator => {
  const { min = 1, max = 256, pattern } = options;
  return field(options, { type: String, minLength: min, maxLength: max, ...(pattern && { pattern: pattern.source }) }, [
    IsString(),
    Length(min, max),
    ...(pattern ? [Matches(pattern)] : []),
  ]);
};

export const Uuid = (options: FieldOptions = {}): PropertyDecorator =>
  field(options, { type: String, format: 'uuid' }, [IsUUID()]);

/** An RFC 3339 instant. The client receives text; a service may return a `Date`. */
export const Instant = (options: FieldOptions = {}): PropertyDecorator =>
  field(options, { type: String, format: 'date-time' }, [IsISO8601({ strict: true })]);

/** A whole number; a query string contains its decimal digits. */
export const Whole = (
  options: FieldOptions & { readonly min?: number; readonly max?: number } = {},
): PropertyDecorator => {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = options;
  return field(options, { type: 'integer', minimum: min, maximum: max }, [
    Type(() => Number),
    IsInt(),
    Min(min),
    Max(max),
  ]);
};

/** Any finite number, for measurements. */
export const Measure = (options: FieldOptions = {}): PropertyDecorator =>
  field(options, { type: Number }, [IsNumber()]);

/** `true` or `false`; a query string contains one of these words. */
export const Flag = (options: FieldOptions = {}): PropertyDecorator =>
  field(options, { type: Boolean }, [
    Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value)),
    IsBoolean(),
  ]);

export const OneOf = (values: readonly string[], options: FieldOptions = {}): PropertyDecorator =>
  field(options, { type: String, enum: [...values] }, [IsIn(values)]);

/** Keep the name `type`: @nestjs/swagger treats only a function of this name as a lazy type. */
export const Nested = (type: () => Class, options: FieldOptions = {}): PropertyDecorator =>
  field(options, { type: () => type() }, [ValidateNested(), Type(type)]);

/** A JSON object. The service that owns the API checks its shape. */
export const Shape = (options: FieldOptions = {}): PropertyDecorator =>
  field(options, { type: 'object', additionalProperties: true }, [IsObject()]);

export const TextList = (options: ListOptions & { readonly max?: number } = {}): PropertyDecorator => {
  const { max = 256 } = options;
  return listField(options, { type: String, maxLength: max }, [
    IsString({ each: true }),
    Length(1, max, { each: true }),
  ]);
};

export const UuidList = (options: ListOptions = {}): PropertyDecorator =>
  listField(options, { type: String, format: 'uuid' }, [IsUUID(undefined, { each: true })]);

export const OneOfList = (values: readonly string[], options: ListOptions = {}): PropertyDecorator =>
  listField(options, { type: String, enum: [...values] }, [IsIn(values, { each: true })]);

export const NestedList = (type: () => Class, options: ListOptions = {}): PropertyDecorator =>
  listField(options, { type: () => type() }, [ValidateNested({ each: true }), Type(type)]);
