/**
 * The public contract: every event type, its topic, and the shape of its data. TypeScript types, JSON Schemas and the
 * AsyncAPI document are generated from this file. Within a version (`.v1`) only additive changes are allowed; a test
 * compares the catalog with the schemas in `released/`.
 */
import { z } from 'zod';

const uuid = z.uuid();
const instant = z.iso.datetime({ offset: true });

/** A person in the directory after the change: the SCIM resource without memberships, and never a password. */
export const directoryUser = z.object({
  id: uuid.describe('SCIM id; also the id of the StackFlow account'),
  userName: z.string().describe('user name as the identity provider sent it; compared case-insensitively'),
  externalId: z.string().nullable().describe("the identity provider's own id (Okta: 00u...); opaque"),
  active: z.boolean(),
  displayName: z.string().nullable(),
  name: z.object({ givenName: z.string().nullable(), familyName: z.string().nullable() }),
  email: z.string().nullable().describe('the primary e-mail address or, if none is primary, the first one'),
});
export type DirectoryUser = z.infer<typeof directoryUser>;

/**
 * The part of a person's directory entry that decides about access, and by which Okta's signals find them. If `deleted` is
 * true, the names are empty.
 */
export const accessUser = directoryUser
  .pick({ id: true, userName: true, externalId: true, displayName: true, active: true })
  .extend({ deleted: z.boolean() });
export type AccessUser = z.infer<typeof accessUser>;

export const directoryGroup = z.object({
  id: uuid,
  displayName: z.string(),
  externalId: z.string().nullable(),
  version: z.number().int().positive().describe("sequence number of this group's last event on directory.groups"),
});
export type DirectoryGroup = z.infer<typeof directoryGroup>;

const changed = z.array(z.string()).describe('SCIM attribute names whose values changed');
const userState = z.object({ user: directoryUser });
const userChange = userState.extend({ changed });
const groupState = z.object({ group: directoryGroup });

/** Maximum number of ids in one event about members. A larger change is published as several events. */
export const MEMBERS_PER_EVENT = 1_000;
const membersChanged = groupState.extend({
  joined: z.array(uuid).describe('ids of the users who became members'),
  left: z
    .array(uuid)
    .describe(`ids of the users who are no longer members; with joined at most ${MEMBERS_PER_EVENT} ids`),
});

export const accountStatus = z.enum(['active', 'inactive', 'removed']);

export const account = z.object({
  id: uuid.describe('equals the SCIM id of the user and the Cognito username'),
  userName: z.string(),
  externalId: z.string().nullable(),
  email: z.string().nullable(),
  displayName: z.string().nullable(),
  status: accountStatus,
  roles: z.array(z.string()).describe('roles in effect, highest precedence first; empty unless active'),
  primaryRole: z.string().nullable(),
});
export type Account = z.infer<typeof account>;

const accountState = z.object({ account });
const rolesChanged = accountState.extend({
  granted: z.array(z.string()),
  revoked: z.array(z.string()),
  mappingVersion: z.number().int().nullable(),
});

export const roleMapping = z.object({
  role: z.string(),
  group: z
    .union([z.object({ name: z.string() }), z.object({ id: uuid })])
    .describe('a group by display name (case-insensitive) or by SCIM id'),
});
export type RoleMapping = z.infer<typeof roleMapping>;

/** Limits on losses of access in a tenant. Losses beyond them wait for an administrator. Null means no brake. */
export const brake = z.object({
  percent: z
    .number()
    .min(0)
    .max(100)
    .describe('percentage of the active accounts that may lose access within the window'),
  atLeast: z
    .number()
    .int()
    .min(1)
    .describe('while at most this many people lose access within the window, the brake holds nobody'),
  windowMinutes: z.number().int().min(1),
  holdHours: z.number().int().min(1).describe('hours after which held losses are released'),
  lastAdminHoldMinutes: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe('minutes after which the held loss of the last administrator is released; a missing value means 60'),
});
export type Brake = z.infer<typeof brake>;

/** The current settings of a tenant, without secrets. No service sets `deleted` yet. */
export const tenantSettings = z.object({
  tenant: z.object({ id: uuid, slug: z.string(), host: z.string().nullable() }),
  scimEnabled: z.boolean(),
  groupSync: z.boolean(),
  deactivateOnOffboard: z.boolean(),
  roles: z.array(z.string()).describe('known roles, highest precedence first'),
  roleMappings: z.array(roleMapping),
  scimToken: z
    .object({ issuedAt: instant, previousValidUntil: instant.nullable() })
    .nullable()
    .describe('when the SCIM token was issued; never contains the token'),
  brake: brake.nullable().optional().describe('a missing value means the default brake'),
  okta: z
    .object({ domain: z.string(), appId: z.string() })
    .nullable()
    .optional()
    .describe('the Okta org and the app whose assignments are compared; never contains tokens'),
  sso: z
    .object({ issuer: z.string(), clientId: z.string() })
    .nullable()
    .optional()
    .describe('the OpenID Connect issuer and client of the SSO bridge; never contains the client secret'),
});
export type TenantSettings = z.infer<typeof tenantSettings>;

export const access = z.object({
  account: uuid,
  status: accountStatus,
  roles: z.array(z.string()),
  notBefore: instant.nullable().describe('tokens issued before this instant are refused'),
});
export type Access = z.infer<typeof access>;

/** When each step of an offboarding was done. Null: not done yet, or not needed. */
export const offboardingTimings = z.object({
  pushedAt: instant.describe("when the identity provider's request, or the other signal, arrived"),
  receivedAt: instant.describe('when deactivation-worker opened the case'),
  heldAt: instant
    .nullable()
    .describe('when the brake held the case; from then on services refuse the earlier tokens of the account'),
  heldSignedOutAt: instant.nullable().optional().describe('when Cognito revoked the refresh tokens of the held person'),
  heldSessionsEndedAt: instant
    .nullable()
    .optional()
    .describe('when the sessions that the held person had in the SSO bridge ended'),
  releasedAt: instant.nullable(),
  fencedAt: instant
    .nullable()
    .describe('when access ended: services that follow `identity.access` refuse all tokens of the account'),
  disabledAt: instant.nullable().describe('when Cognito disabled the user; since then it refuses sign-in and refresh'),
  signedOutAt: instant.nullable().describe('when Cognito revoked the refresh tokens of the user'),
  sessionsEndedAt: instant.nullable().describe('when the sessions of the SSO bridge ended'),
  confirmedAt: instant.nullable().describe('when a read of Cognito confirmed that the user is disabled or absent'),
  firstRefusedAt: instant.nullable().describe('when a service first refused a token of the account'),
});

export const offboardingCase = z.object({
  id: uuid,
  account: uuid,
  userName: z.string(),
  displayName: z.string().nullable(),
  state: z.enum(['held', 'running', 'completed', 'superseded', 'discarded']),
  cause: z.string().describe('the event or signal that caused the case, e.g. `user.deactivated`, `okta.suspended`'),
  causationId: z.string().describe('id of the SCIM request, or of the other signal'),
  heldBecause: z.enum(['threshold', 'last_admin']).nullable(),
  heldUntil: instant
    .nullable()
    .optional()
    .describe('when a held case is released, unless an administrator or Okta decides earlier'),
  releasedBy: z.string().nullable().describe('the administrator, `timer`, or `okta` if Okta confirmed the offboarding'),
  timings: offboardingTimings,
});
export type OffboardingCase = z.infer<typeof offboardingCase>;

const caseState = z.object({ case: offboardingCase });
/** `offboarding` is missing if the account had no access. */
const accountClosed = accountState.extend({ offboarding: offboardingCase.optional() });

const T = 'com.stackflow';

/** The event types of each topic, and the schema of their data. The key of every event is `tenant:subject`. */
export const catalog = {
  'directory.users': {
    [`${T}.directory.user.created.v2`]: userState,
    [`${T}.directory.user.updated.v2`]: userChange,
    [`${T}.directory.user.deactivated.v2`]: userState,
    [`${T}.directory.user.reactivated.v2`]: userState,
    [`${T}.directory.user.deleted.v2`]: userState,
  },
  // Carries nothing but changes that open or close access, so that no other change delays them.
  'directory.access': {
    [`${T}.directory.access.changed.v1`]: z.object({ user: accessUser }),
  },
  'directory.groups': {
    [`${T}.directory.group.created.v1`]: groupState,
    [`${T}.directory.group.renamed.v1`]: groupState.extend({ previousDisplayName: z.string() }),
    [`${T}.directory.group.members-changed.v1`]: membersChanged,
    [`${T}.directory.group.deleted.v1`]: groupState,
  },
  'identity.accounts': {
    [`${T}.identity.account.provisioned.v1`]: accountState,
    [`${T}.identity.account.updated.v1`]: accountState.extend({ changed }),
    [`${T}.identity.account.roles-changed.v1`]: rolesChanged,
    [`${T}.identity.account.deactivated.v1`]: accountClosed,
    [`${T}.identity.account.reactivated.v1`]: accountState,
    [`${T}.identity.account.removed.v1`]: accountClosed,
    // Repeats the state of an account for subscribers that start after its earlier events were deleted from the log.
    [`${T}.identity.account.republished.v1`]: accountState,
  },
  'identity.access': {
    [`${T}.identity.access.changed.v1`]: access,
  },
  'offboarding.cases': {
    [`${T}.offboarding.case.opened.v1`]: caseState,
    [`${T}.offboarding.case.held.v1`]: caseState,
    [`${T}.offboarding.case.released.v1`]: caseState,
    [`${T}.offboarding.case.discarded.v1`]: caseState,
    [`${T}.offboarding.case.superseded.v1`]: caseState,
    [`${T}.offboarding.case.completed.v1`]: caseState,
  },
  'integration.settings': {
    [`${T}.integration.settings.changed.v1`]: tenantSettings,
  },
} as const;

export type Topic = keyof typeof catalog;
type UnionToIntersection<U> = (U extends unknown ? (x: U) => void : never) extends (x: infer I) => void ? I : never;
type Schemas = UnionToIntersection<(typeof catalog)[Topic]>;
export type EventType = Extract<keyof Schemas, string>;
export type EventData<T extends EventType> = T extends keyof Schemas
  ? Schemas[T] extends z.ZodType<infer D>
    ? D
    : never
  : never;

export const compactedTopics: readonly Topic[] = ['directory.access', 'identity.access', 'integration.settings'];
/** Outboxes publish the events of these topics before all other events. */
export const urgentTopics: readonly Topic[] = ['directory.access'];
export const topics = Object.keys(catalog) as Topic[];

/** The one service that may publish to each topic. Carriers refuse other publishers, and consumers refuse their events. */
export const owners: Readonly<Record<Topic, string>> = {
  'directory.users': 'scim-gateway',
  'directory.groups': 'scim-gateway',
  'directory.access': 'scim-gateway',
  'identity.accounts': 'identity-service',
  'identity.access': 'deactivation-worker',
  'offboarding.cases': 'deactivation-worker',
  'integration.settings': 'integration-hub',
};

const byType = new Map<string, { topic: Topic; schema: z.ZodType }>(
  topics.flatMap((topic) =>
    Object.entries<z.ZodType>(catalog[topic]).map(([type, schema]) => [type, { topic, schema }] as const),
  ),
);

/** Returns the topic of an event type, or undefined if this version does not know the type. */
export const topicOf = (type: string): Topic | undefined => byType.get(type)?.topic;
export const schemaOf = (type: string): z.ZodType | undefined => byType.get(type)?.schema;
