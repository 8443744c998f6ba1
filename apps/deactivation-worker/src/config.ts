/** Configuration of deactivation-worker. */
import { cognitoSettings, signOutCategorySetting } from '#cognito';
import { busSettings } from '#event-bus';
import { integer, serviceSettings, type ConfigOf, type ConfigShape } from '#platform';
import { oktaSignalSettings } from './okta/config.js';

export const config = {
  ...serviceSettings,
  ...busSettings,
  ...oktaSignalSettings,
  ...cognitoSettings,
  COGNITO_SIGN_OUT_CATEGORY: signOutCategorySetting,
  WORKER_CONCURRENCY: integer({
    purpose: 'People whose doors this process closes or opens in Cognito at the same time.',
    example: '24',
    default: 24,
    min: 2,
    max: 500,
  }),
  WORKER_LEASE_SECONDS: integer({
    purpose: 'Seconds after which the people of a process that stopped answering are taken over.',
    example: '10',
    default: 10,
    min: 1,
    max: 300,
  }),
} satisfies ConfigShape;

export type WorkerConfig = ConfigOf<typeof config>;
