import { cognitoSettings } from '#cognito';
import { busSettings } from '#event-bus';
import { integer, serviceSettings, url, type ConfigOf, type ConfigShape } from '#platform';

export const config = {
  ...serviceSettings,
  ...busSettings,
  ...cognitoSettings,
  SCIM_GATEWAY_URL: url({
    purpose: 'URL of the internal API of scim-gateway, which answers who is a member of a group.',
    example: 'http://scim-gateway',
  }),
  RECONCILER_CONCURRENCY: integer({
    purpose: 'Accounts that this process updates in Cognito at the same time.',
    example: '24',
    default: 24,
    min: 1,
    max: 500,
  }),
  RECONCILER_LEASE_SECONDS: integer({
    purpose: 'Seconds without a heartbeat after which other processes take over the accounts of a process.',
    example: '10',
    default: 10,
    min: 1,
    max: 300,
  }),
} satisfies ConfigShape;

export type IdentityConfig = ConfigOf<typeof config>;
