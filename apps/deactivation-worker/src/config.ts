import { cognitoSettings, signOutCategorySetting } from '#cognito';
import { busSettings } from '#event-bus';
import { oktaSettings } from '#okta';
import { integer, serviceSettings, type ConfigOf, type ConfigShape } from '#platform';
import { secretSettings } from '#secrets';
import { erasureSettings } from '#worker';

export const config = {
  ...serviceSettings,
  ...busSettings,
  ...secretSettings,
  ...oktaSettings,
  OKTA_COMPARISON_HOUR: integer({
    purpose: 'Hour of the day, in UTC, at which every connected tenant is compared with its Okta app; -1 means never.',
    example: '3',
    default: 3,
    min: -1,
    max: 23,
  }),
  ...cognitoSettings,
  ...erasureSettings,
  COGNITO_SIGN_OUT_CATEGORY: signOutCategorySetting,
  WORKER_CONCURRENCY: integer({
    purpose: 'Number of people whose access in Cognito this process changes at the same time.',
    example: '24',
    default: 24,
    min: 2,
    max: 500,
  }),
  WORKER_LEASE_SECONDS: integer({
    purpose: 'If a process dies, another process continues its work after this many seconds.',
    example: '10',
    default: 10,
    min: 1,
    max: 300,
  }),
} satisfies ConfigShape;

export type WorkerConfig = ConfigOf<typeof config>;
