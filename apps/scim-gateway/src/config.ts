import { busSettings } from '#event-bus';
import { integer, list, requestTimeout, serviceSettings, url, type ConfigOf, type Setting } from '#platform';
import { secretSettings } from '#secrets';

const quota = (kind: string, number: number): Setting<number> =>
  integer({
    purpose: `Number of ${kind} that one tenant may store. More are refused with tooMany.`,
    example: String(number),
    default: number,
    min: 1,
  });

const named = list({
  purpose: 'Quotas of single tenants that replace the general ones, as <slug>:<users|groups|memberships>=<number>.',
  example: 'acme:users=1000000,acme:memberships=20000000',
});
const quotasOfTenants: Setting<readonly string[]> = {
  ...named,
  schema: named.schema.refine(
    (entries) => entries.every((entry) => /^[\w-]+:(users|groups|memberships)=\d{1,12}$/.test(entry)),
    'must be a list of <slug>:<users|groups|memberships>=<number>',
  ),
};

export const gatewaySettings = {
  ...serviceSettings,
  ...busSettings,
  ...secretSettings,
  REQUEST_TIMEOUT_SECONDS: requestTimeout(120),
  SCIM_BASE_PATHS: list({
    purpose: 'Path prefixes under which clients reach the SCIM API. The prefix /scim/v2 always works too.',
    example: '/prod/api/scim/v2',
    default: ['/prod/api/scim/v2'],
  }),
  PUBLIC_ORIGIN: url({
    purpose: 'Origin of meta.location for tenants that have no host name of their own.',
    example: 'https://your-instance.stackflow-tech.com',
    default: 'http://localhost:8080',
  }),
  SCIM_RATE_LIMIT_PER_SECOND: integer({
    purpose: 'Average requests per second that one tenant may send to one process. Further requests are answered 429.',
    example: '500',
    default: 500,
    min: 1,
  }),
  SCIM_RATE_LIMIT_BURST: integer({
    purpose: 'Requests that one tenant may send at once before SCIM_RATE_LIMIT_PER_SECOND applies.',
    example: '1000',
    default: 1_000,
    min: 1,
  }),
  SCIM_OPEN_REQUESTS_PER_TENANT: integer({
    purpose:
      'Requests of one tenant that one process keeps open at the same time, also while their bodies arrive. Further requests are answered 429.',
    example: '200',
    default: 200,
    min: 1,
  }),
  SCIM_CONCURRENT_REQUESTS_PER_TENANT: integer({
    purpose:
      'Requests of one tenant that one process works on at the same time. Others wait. It should be less than half of DATABASE_POOL_SIZE.',
    example: '4',
    default: 4,
    min: 1,
  }),
  SCIM_BODY_MIB_PER_MINUTE: integer({
    purpose:
      'MiB of request bodies that one tenant may send to one process per minute. Further bodies are answered 429.',
    example: '256',
    default: 256,
    min: 1,
  }),
  SCIM_MEMBERSHIP_CHANGES_PER_MINUTE: integer({
    purpose:
      'Changes of memberships that one tenant may make per minute in one process. After more than that, changes are answered 429 until the average is kept.',
    example: '120000',
    default: 120_000,
    min: 1,
  }),
  SCIM_QUOTA_USERS: quota('users', 500_000),
  SCIM_QUOTA_GROUPS: quota('groups', 50_000),
  SCIM_QUOTA_MEMBERSHIPS: quota('memberships', 5_000_000),
  SCIM_QUOTA_OF_TENANTS: quotasOfTenants,
  SCIM_REQUEST_LOG_DAYS: integer({
    purpose: 'Days for which the log of SCIM requests is kept in the database.',
    example: '30',
    default: 30,
    min: 1,
    max: 3650,
  }),
};

export type GatewayConfig = ConfigOf<typeof gatewaySettings>;
