/**
 * Builds `/ServiceProviderConfig`, `/ResourceTypes` and `/Schemas` (RFC 7643 sections 5 to 7) from the parser's tables.
 */
import { LIMITS } from './limits.js';
import { enterpriseSchema, groupSchema, userSchema, type Attribute, type Schema } from './schema.js';

export const serviceProviderConfig = (base: string) => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
  patch: { supported: true },
  bulk: { supported: false, maxOperations: 0, maxPayloadSize: LIMITS.groupBody.bytes },
  filter: { supported: true, maxResults: LIMITS.pageSizeMax },
  changePassword: { supported: false },
  sort: { supported: false },
  etag: { supported: false },
  authenticationSchemes: [
    {
      type: 'oauthbearertoken',
      name: 'SCIM token',
      description: 'Authorization: Bearer <SCIM token>, from Admin -> Integration Hub -> Okta -> SCIM Token.',
      primary: true,
    },
  ],
  meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
});

const resourceType = (base: string, name: string, endpoint: string, schema: Schema) => ({
  schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
  id: name,
  name,
  endpoint,
  description: schema.description,
  schema: schema.id,
  schemaExtensions: schema.extensions.map((extension) => ({ schema: extension.id, required: false })),
  meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${name}` },
});

export const resourceTypes = (base: string) => [
  resourceType(base, 'User', '/Users', userSchema),
  resourceType(base, 'Group', '/Groups', groupSchema),
];

const describe = (a: Attribute): Record<string, unknown> => ({
  name: a.name,
  type: a.type,
  multiValued: a.multiValued,
  description: a.description,
  required: a.required,
  caseExact: a.caseExact,
  mutability: a.mutability === 'ignored' ? 'writeOnly' : a.mutability,
  returned: a.returned,
  uniqueness: a.uniqueness,
  ...(a.subAttributes.length > 0 && { subAttributes: a.subAttributes.map(describe) }),
});

export const schemas = (base: string) =>
  [userSchema, enterpriseSchema, groupSchema].map((schema) => ({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
    id: schema.id,
    name: schema.name,
    description: schema.description,
    attributes: schema.attributes.map(describe),
    meta: { resourceType: 'Schema', location: `${base}/Schemas/${schema.id}` },
  }));
