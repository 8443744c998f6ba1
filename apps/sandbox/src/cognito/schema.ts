import { invalidParameter } from '../aws/aws-error.js';

export interface SchemaAttribute {
  readonly Name: string;
  readonly AttributeDataType: 'String' | 'Number' | 'DateTime' | 'Boolean';
  readonly DeveloperOnlyAttribute: boolean;
  readonly Mutable: boolean;
  readonly Required: boolean;
  readonly StringAttributeConstraints?: { MinLength?: string | undefined; MaxLength?: string | undefined } | undefined;
  readonly NumberAttributeConstraints?: { MinValue?: string | undefined; MaxValue?: string | undefined } | undefined;
}

/** An attribute as a caller of CreateUserPool declares it. */
export type DeclaredAttribute = { readonly [K in keyof SchemaAttribute]?: SchemaAttribute[K] | undefined };

const MAX_ATTRIBUTE_LENGTH = 2048;
const MAX_CUSTOM_ATTRIBUTES = 50;

const TEXT_LIMITS = { MinLength: '0', MaxLength: String(MAX_ATTRIBUTE_LENGTH) };
const LIMITS = {
  String: { StringAttributeConstraints: TEXT_LIMITS },
  Number: { NumberAttributeConstraints: { MinValue: '0' } },
  Boolean: {},
};

const standard = (
  type: keyof typeof LIMITS,
  names: readonly string[],
  more: Partial<SchemaAttribute> = {},
): SchemaAttribute[] =>
  names.map((Name) => ({
    Name,
    AttributeDataType: type,
    DeveloperOnlyAttribute: false,
    Mutable: true,
    Required: false,
    ...LIMITS[type],
    ...more,
  }));

const STANDARD: readonly SchemaAttribute[] = [
  ...standard('String', ['sub'], {
    Mutable: false,
    Required: true,
    StringAttributeConstraints: { MinLength: '1', MaxLength: '2048' },
  }),
  ...standard('String', ['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username']),
  ...standard('String', ['profile', 'picture', 'website', 'email']),
  ...standard('Boolean', ['email_verified']),
  ...standard('String', ['gender']),
  ...standard('String', ['birthdate'], { StringAttributeConstraints: { MinLength: '10', MaxLength: '10' } }),
  ...standard('String', ['zoneinfo', 'locale', 'phone_number']),
  ...standard('Boolean', ['phone_number_verified']),
  ...standard('String', ['address']),
  ...standard('Number', ['updated_at']),
];

/** Returns a new pool's full schema. An attribute outside the standard set gets the prefix `custom:`. */
export function poolSchema(declared: readonly DeclaredAttribute[]): SchemaAttribute[] {
  const schema = STANDARD.map((s) => ({ ...s, ...withoutUndefined(declared.find((d) => d.Name === s.Name) ?? {}) }));
  const custom = declared.filter((d) => !STANDARD.some((s) => s.Name === d.Name)).map(customAttribute);
  if (custom.length > MAX_CUSTOM_ATTRIBUTES)
    throw invalidParameter(`A user pool can have at most ${MAX_CUSTOM_ATTRIBUTES} custom attributes.`);
  return [...schema, ...custom];
}

export function customAttribute(declared: DeclaredAttribute): SchemaAttribute {
  if (declared.Required === true) throw invalidParameter('Required custom attributes are not supported currently.');
  const { Name = '', ...rest } = withoutUndefined(declared);
  const type = declared.AttributeDataType ?? 'String';
  const limits = type === 'String' || type === 'Number' ? { [`${type}AttributeConstraints`]: {} } : {};
  return {
    AttributeDataType: type,
    DeveloperOnlyAttribute: false,
    Mutable: true,
    Required: false,
    ...limits,
    ...rest,
    Name: `custom:${Name}`,
  };
}

const withoutUndefined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;

/** The attributes that a write sets and removes. A blank value removes an attribute, as in Cognito. */
export interface AttributeWrite {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

export type AttributeList = readonly { readonly Name: string; readonly Value?: string | undefined }[];

/**
 * Checks attributes against the schema, with Cognito's error messages. An `update` of an immutable attribute is
 * refused.
 */
export function checkAttributes(
  schema: readonly SchemaAttribute[],
  given: AttributeList,
  purpose: 'create' | 'update',
): AttributeWrite {
  const faults: string[] = [];
  const set: Record<string, string> = {};
  const remove: string[] = [];
  for (const { Name, Value = '' } of given) {
    const attribute = schema.find((a) => a.Name === Name);
    if (Name === 'sub') throw invalidParameter('Cannot modify the non-mutable attribute sub');
    if (attribute && purpose === 'update' && !attribute.Mutable)
      throw invalidParameter(`user.${Name}: Attribute cannot be updated.\n`);
    const missing =
      attribute?.Required && purpose === 'update' && Value === '' ? `The attribute ${Name} is required` : undefined;
    const fault = attribute ? (missing ?? valueFault(attribute, Value)) : 'Attribute does not exist in the schema.';
    if (fault) faults.push(`${Name}: ${fault}`);
    if (Value === '') remove.push(Name);
    else set[Name] = Value;
  }
  if (purpose === 'create')
    faults.push(
      ...schema
        .filter((a) => a.Required && a.Name !== 'sub' && !(a.Name in set))
        .map((a) => `${a.Name}: The attribute ${a.Name} is required`),
    );
  if (faults.length > 0) throw invalidParameter(`Attributes did not conform to the schema: ${faults.join('\n')}\n`);
  checkContacts(set, remove);
  return { set, remove };
}

function valueFault(attribute: SchemaAttribute, value: string): string | undefined {
  if (value === '') return undefined;
  const { MinLength = '0', MaxLength = String(MAX_ATTRIBUTE_LENGTH) } = attribute.StringAttributeConstraints ?? {};
  switch (attribute.AttributeDataType) {
    case 'Boolean':
      return /^(true|false)$/i.test(value) ? undefined : 'Attribute value must be true or false';
    case 'Number': {
      const { MinValue, MaxValue } = attribute.NumberAttributeConstraints ?? {};
      const number = Number(value);
      const fits =
        Number.isFinite(number) && number >= Number(MinValue ?? -Infinity) && number <= Number(MaxValue ?? Infinity);
      return fits ? undefined : 'Attribute value is no number within its limits';
    }
    default:
      if (value.length > Math.min(Number(MaxLength), MAX_ATTRIBUTE_LENGTH))
        return `String must be no longer than ${MaxLength} characters`;
      return value.length < Number(MinLength) ? `String must be at least ${MinLength} characters` : undefined;
  }
}

function checkContacts(set: Record<string, string>, remove: readonly string[]): void {
  if (set.email !== undefined && !/^[^\s@]+@[^\s@]+$/.test(set.email))
    throw invalidParameter('Invalid email address format.');
  if (set.phone_number !== undefined && !/^\+\d{1,15}$/.test(set.phone_number))
    throw invalidParameter('Invalid phone number format.');
  if (set.email_verified !== undefined && remove.includes('email'))
    throw invalidParameter('Email is required to verify/un-verify an email');
}

/** Refuses to delete an attribute that is undeclared, required or immutable. */
export function checkDeletion(schema: readonly SchemaAttribute[], names: readonly string[]): void {
  for (const name of names) {
    const attribute = schema.find((a) => a.Name === name);
    if (!attribute) throw invalidParameter(`user.${name}: Attribute does not exist in the schema.\n`);
    if (attribute.Required) throw invalidParameter(`user.${name}: Attribute is required and cannot be deleted.\n`);
    if (!attribute.Mutable) throw invalidParameter(`user.${name}: Attribute cannot be updated.\n`);
  }
}
