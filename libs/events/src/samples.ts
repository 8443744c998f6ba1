/** A valid event of every type, as examples in the documentation and for tests. */
import {
  owners,
  topicOf,
  type Access,
  type AccessUser,
  type Account,
  type DirectoryGroup,
  type DirectoryUser,
  type EventData,
  type EventType,
  type OffboardingCase,
  type TenantSettings,
} from './catalog.js';
import { eventKey, eventSource, type EventEnvelope } from './envelope.js';

const TENANT = '0198b7c2-5d0e-7a31-9c55-3f1f6f0e7a01';
const USER = '7b0c2f7e-0a53-4c8e-9d0c-55a1b1d7f002';
const GROUP = '3d8f6a1c-6f0b-4f53-8a6e-2f9a4c7be003';
const NOON = '2026-01-15T12:00:00.000Z';

const user: DirectoryUser = {
  id: USER,
  userName: 'Ada.Lovelace@example.com',
  externalId: '00u1a2b3c4D5e6F7g8h9',
  active: true,
  displayName: 'Ada Lovelace',
  name: { givenName: 'Ada', familyName: 'Lovelace' },
  email: 'ada.lovelace@example.com',
};
const accessUser: AccessUser = {
  id: USER,
  userName: user.userName,
  externalId: user.externalId,
  displayName: user.displayName,
  active: false,
  deleted: false,
};
const group: DirectoryGroup = { id: GROUP, displayName: 'StackFlow-Agents', externalId: null, version: 1 };
const account: Account = {
  id: USER,
  userName: user.userName,
  externalId: user.externalId,
  email: user.email,
  displayName: user.displayName,
  status: 'active',
  roles: ['itsm_agent'],
  primaryRole: 'itsm_agent',
};
const without: Account = { ...account, roles: [], primaryRole: null };
const access: Access = { account: USER, status: 'inactive', roles: [], notBefore: NOON };
const offboarding: OffboardingCase = {
  id: '0198b7c2-5d0e-7a31-9c55-3f1f6f0e7a0c',
  account: USER,
  userName: user.userName,
  displayName: user.displayName,
  state: 'completed',
  cause: 'user.deactivated',
  causationId: '0198b7c2-5d0e-7a31-9c55-3f1f6f0e7aee',
  heldBecause: null,
  releasedBy: null,
  timings: {
    pushedAt: NOON,
    receivedAt: '2026-01-15T12:00:00.012Z',
    heldAt: null,
    releasedAt: null,
    fencedAt: '2026-01-15T12:00:00.016Z',
    disabledAt: '2026-01-15T12:00:00.041Z',
    signedOutAt: '2026-01-15T12:00:00.066Z',
    sessionsEndedAt: '2026-01-15T12:00:00.018Z',
    confirmedAt: '2026-01-15T12:00:00.090Z',
    firstRefusedAt: null,
  },
};
const held: OffboardingCase = {
  ...offboarding,
  state: 'held',
  heldBecause: 'threshold',
  heldUntil: '2026-01-16T12:00:00.016Z',
  timings: {
    ...offboarding.timings,
    heldAt: '2026-01-15T12:00:00.016Z',
    fencedAt: null,
    disabledAt: null,
    signedOutAt: null,
    sessionsEndedAt: null,
    confirmedAt: null,
  },
};
const settings: TenantSettings = {
  tenant: { id: TENANT, slug: 'example', host: 'example.stackflow-tech.com' },
  scimEnabled: true,
  groupSync: true,
  deactivateOnOffboard: true,
  roles: ['super_admin', 'itsm_manager', 'itsm_agent', 'viewer'],
  roleMappings: [
    { group: { name: 'StackFlow-Agents' }, role: 'itsm_agent' },
    { group: { id: GROUP }, role: 'viewer' },
  ],
  scimToken: { issuedAt: NOON, previousValidUntil: null },
  brake: { percent: 10, atLeast: 20, windowMinutes: 10, holdHours: 24, lastAdminHoldMinutes: 60 },
  okta: { domain: 'example.okta.com', appId: '0oa1a2b3c4D5e6F7g8h9' },
  sso: { issuer: 'https://example.okta.com', clientId: '0oa9h8g7F6e5D4c3b2a1' },
};

export const sampleData: { readonly [T in EventType]: EventData<T> } = {
  'com.stackflow.directory.user.created.v2': { user },
  'com.stackflow.directory.user.updated.v2': { user, changed: ['displayName', 'name.familyName'] },
  'com.stackflow.directory.user.deactivated.v2': { user: { ...user, active: false } },
  'com.stackflow.directory.user.reactivated.v2': { user },
  'com.stackflow.directory.user.deleted.v2': { user: { ...user, active: false } },
  'com.stackflow.directory.access.changed.v1': { user: accessUser },
  'com.stackflow.directory.group.created.v1': { group },
  'com.stackflow.directory.group.renamed.v1': { group: { ...group, version: 2 }, previousDisplayName: 'Agents' },
  'com.stackflow.directory.group.members-changed.v1': { group: { ...group, version: 3 }, joined: [USER], left: [] },
  'com.stackflow.directory.group.deleted.v1': { group: { ...group, version: 4 } },
  'com.stackflow.identity.account.provisioned.v1': { account: without },
  'com.stackflow.identity.account.updated.v1': { account, changed: ['displayName'] },
  'com.stackflow.identity.account.roles-changed.v1': {
    account,
    granted: ['itsm_agent'],
    revoked: ['viewer'],
    mappingVersion: 7,
  },
  'com.stackflow.identity.account.deactivated.v1': {
    account: { ...without, status: 'inactive' },
    offboarding,
  },
  'com.stackflow.identity.account.reactivated.v1': { account },
  'com.stackflow.identity.account.removed.v1': { account: { ...without, status: 'removed' }, offboarding },
  'com.stackflow.identity.account.republished.v1': { account },
  'com.stackflow.identity.access.changed.v1': access,
  'com.stackflow.offboarding.case.opened.v1': { case: { ...offboarding, state: 'running' } },
  'com.stackflow.offboarding.case.held.v1': { case: held },
  'com.stackflow.offboarding.case.released.v1': { case: { ...held, releasedBy: 'grace@example.com' } },
  'com.stackflow.offboarding.case.discarded.v1': { case: { ...held, state: 'discarded' } },
  'com.stackflow.offboarding.case.superseded.v1': { case: { ...offboarding, state: 'superseded' } },
  'com.stackflow.offboarding.case.completed.v1': { case: offboarding },
  'com.stackflow.integration.settings.changed.v1': settings,
};

/** Builds a valid event. `changes` replaces attributes, e.g. the tenant, the sequence or the data. */
export function sampleEvent<T extends EventType>(type: T, changes: Partial<EventEnvelope<T>> = {}): EventEnvelope<T> {
  const tenant = changes.tenant ?? TENANT;
  const subject = changes.subject ?? subjectOf(type, tenant);
  return {
    id: '0198b7c2-5d0e-7a31-9c55-3f1f6f0e7aff',
    type,
    source: eventSource(owners[topicOf(type) ?? 'directory.users']),
    subject,
    time: NOON,
    tenant,
    key: eventKey(tenant, subject),
    sequence: 1,
    causationid: 'scim:0198b7c2-5d0e-7a31-9c55-3f1f6f0e7aee',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    data: sampleData[type],
    ...changes,
  };
}

const subjectOf = (type: EventType, tenant: string): string =>
  type.startsWith('com.stackflow.integration.')
    ? tenant
    : type.startsWith('com.stackflow.directory.group.')
      ? GROUP
      : USER;
