/**
 * The attributes that this server knows (RFC 7643 sections 4 and 8.7). An attribute in none of these tables is never
 * stored.
 */
import { LIMITS } from './limits.js';

export const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const ENTERPRISE_SCHEMA = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

export type AttributeType = 'string' | 'boolean' | 'complex' | 'reference' | 'dateTime';

export interface Attribute {
  readonly name: string;
  readonly type: AttributeType;
  readonly multiValued: boolean;
  /** `ignored` is not in the RFC: a request may contain the attribute, but it is never stored (`password`). */
  readonly mutability: 'readWrite' | 'readOnly' | 'ignored';
  readonly required: boolean;
  readonly caseExact: boolean;
  readonly returned: 'always' | 'default' | 'never';
  readonly uniqueness: 'none' | 'server';
  readonly description: string;
  readonly maxLength: number;
  readonly subAttributes: readonly Attribute[];
}

export interface Schema {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly attributes: readonly Attribute[];
  /** Each extension of a resource is an object under its URN. */
  readonly extensions: readonly Schema[];
}

type Options = Partial<Omit<Attribute, 'name' | 'type' | 'description'>>;

const attribute = (name: string, type: AttributeType, description: string, options: Options = {}): Attribute => ({
  name,
  type,
  description,
  multiValued: false,
  mutability: 'readWrite',
  required: false,
  caseExact: false,
  returned: 'default',
  uniqueness: 'none',
  maxLength: LIMITS.text,
  subAttributes: [],
  ...options,
});

const text = (name: string, description: string, options?: Options) => attribute(name, 'string', description, options);
const flag = (name: string, description: string, options?: Options) => attribute(name, 'boolean', description, options);

/** A multi-valued attribute with the default sub-attributes of RFC 7643 section 2.4. */
const plural = (name: string, description: string, more: readonly Attribute[] = []) =>
  attribute(name, 'complex', description, {
    multiValued: true,
    subAttributes: [
      text('value', `The value itself.`),
      text('display', 'A readable name of the value.'),
      text('type', 'Purpose of the value, e.g. "work".'),
      flag('primary', 'True for the preferred value. At most one value is preferred.'),
      ...more,
    ],
  });

export const enterpriseSchema: Schema = {
  id: ENTERPRISE_SCHEMA,
  name: 'EnterpriseUser',
  description: 'Attributes of a person inside an organisation.',
  extensions: [],
  attributes: [
    text('employeeNumber', 'Number of the person in the organisation.'),
    text('costCenter', 'Cost center.'),
    text('organization', 'Organisation.'),
    text('division', 'Division.'),
    text('department', 'Department.'),
    attribute('manager', 'complex', 'The manager of the person.', {
      subAttributes: [
        text('value', 'Id of the manager.', { caseExact: true }),
        attribute('$ref', 'reference', 'URI of the manager.', { caseExact: true }),
        text('displayName', 'Name of the manager.'),
      ],
    }),
  ],
};

export const userSchema: Schema = {
  id: USER_SCHEMA,
  name: 'User',
  description: 'A person who may sign in to StackFlow.',
  extensions: [enterpriseSchema],
  attributes: [
    text('userName', 'Unique name. It is compared without regard to case, but stored and returned as sent.', {
      required: true,
      uniqueness: 'server',
      maxLength: LIMITS.identifier,
    }),
    text('externalId', "The identity provider's id of the person. StackFlow does not interpret it.", {
      caseExact: true,
      maxLength: LIMITS.identifier,
    }),
    attribute('name', 'complex', 'The parts of the name.', {
      subAttributes: [
        text('formatted', 'The whole name, as the identity provider formats it.'),
        text('familyName', 'Family name.'),
        text('givenName', 'Given name.'),
        text('middleName', 'Middle name.'),
        text('honorificPrefix', 'Title before the name.'),
        text('honorificSuffix', 'Suffix after the name.'),
      ],
    }),
    text('displayName', 'The name to show.'),
    text('nickName', 'Casual name.'),
    attribute('profileUrl', 'reference', 'Page about the person.', { caseExact: true }),
    text('title', 'Job title.'),
    text('userType', 'Relation to the organisation, e.g. "Contractor".'),
    text('preferredLanguage', 'Preferred language.'),
    text('locale', 'Locale, e.g. "en-US".'),
    text('timezone', 'Time zone, e.g. "Europe/Berlin".'),
    flag('active', 'Whether the person may sign in.'),
    text('password', 'Accepted but never stored, because people sign in through the identity provider.', {
      mutability: 'ignored',
      returned: 'never',
    }),
    plural('emails', 'E-mail addresses.'),
    plural('phoneNumbers', 'Telephone numbers.'),
    plural('ims', 'Instant messaging addresses.'),
    plural('photos', 'URLs of photos.'),
    plural('addresses', 'Postal addresses.', [
      text('formatted', 'The whole address.'),
      text('streetAddress', 'Street.'),
      text('locality', 'City.'),
      text('region', 'State or region.'),
      text('postalCode', 'Postal code.'),
      text('country', 'Country.'),
    ]),
    plural('entitlements', 'Entitlements. They are stored, but do not affect roles.'),
    plural(
      'roles',
      'Names of roles at the identity provider. They are stored, but StackFlow roles come from groups only.',
    ),
    plural('x509Certificates', 'Certificates.'),
    attribute('groups', 'complex', 'Groups of the person. They can be changed only through the groups.', {
      multiValued: true,
      mutability: 'readOnly',
      subAttributes: [
        text('value', 'Id of the group.', { mutability: 'readOnly', caseExact: true }),
        text('display', 'Name of the group.', { mutability: 'readOnly' }),
      ],
    }),
  ],
};

export const groupSchema: Schema = {
  id: GROUP_SCHEMA,
  name: 'Group',
  description: 'A group of people. StackFlow roles are mapped to groups.',
  extensions: [],
  attributes: [
    text('displayName', 'Name of the group. It is unique without regard to case.', {
      required: true,
      uniqueness: 'server',
      maxLength: LIMITS.identifier,
    }),
    text('externalId', "The identity provider's id of the group. StackFlow does not interpret it.", {
      caseExact: true,
      maxLength: LIMITS.identifier,
    }),
    attribute('members', 'complex', 'Users in the group.', {
      multiValued: true,
      subAttributes: [
        text('value', 'Id of the user.', { caseExact: true }),
        attribute('$ref', 'reference', 'URI of the user.', { caseExact: true, mutability: 'readOnly' }),
        text('display', 'userName of the user.', { mutability: 'readOnly' }),
        text('type', 'Always "User".', { mutability: 'readOnly' }),
      ],
    }),
  ],
};

/** The common attributes of RFC 7643 section 3.1. Only the server sets them, and values in a request are ignored. */
export const commonAttributes: readonly Attribute[] = [
  text('id', 'Set by the server.', { mutability: 'readOnly', caseExact: true, returned: 'always' }),
  attribute('schemas', 'reference', 'URNs of the schemas in use.', {
    multiValued: true,
    mutability: 'readOnly',
    returned: 'always',
    caseExact: true,
  }),
  attribute('meta', 'complex', 'Set by the server.', {
    mutability: 'readOnly',
    subAttributes: [
      text('resourceType', 'User or Group.', { mutability: 'readOnly', caseExact: true }),
      attribute('created', 'dateTime', 'Time of the creation.', { mutability: 'readOnly' }),
      attribute('lastModified', 'dateTime', 'Time of the last change.', { mutability: 'readOnly' }),
      attribute('location', 'reference', 'URI of the resource.', { mutability: 'readOnly', caseExact: true }),
    ],
  }),
];

const lookups = new WeakMap<readonly Attribute[], Map<string, Attribute>>();

/** Finds an attribute by name, without regard to case (RFC 7643 section 2.1). */
export function findAttribute(attributes: readonly Attribute[], name: string): Attribute | undefined {
  let lookup = lookups.get(attributes);
  if (!lookup) {
    lookup = new Map(attributes.map((a) => [a.name.toLowerCase(), a]));
    lookups.set(attributes, lookup);
  }
  return lookup.get(name.toLowerCase());
}

export function findExtension(schema: Schema, urn: string): Schema | undefined {
  const wanted = urn.toLowerCase();
  return schema.extensions.find((e) => e.id.toLowerCase() === wanted);
}
