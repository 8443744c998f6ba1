import { cognitoSettings } from '#cognito';
import { busSettings } from '#event-bus';
import { integer, secret, serviceSettings, url, type ConfigOf, type ConfigShape } from '#platform';
import { erasureSettings } from '#worker';

export const config = {
  ...serviceSettings,
  ...busSettings,
  ...cognitoSettings,
  ...erasureSettings,
  SCIM_GATEWAY_URL: url({
    purpose: 'URL of the internal API of scim-gateway, which answers who is a member of a group.',
    example: 'http://scim-gateway',
  }),
  INTERNAL_API_CREDENTIAL: secret({
    purpose:
      'Credential of identity-service at scim-gateway, <caller>.<secret>. The gateway must accept it with the scope members.',
    example: 'identity-service.$(openssl rand -hex 32)',
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
