import { cognitoSettings } from '#cognito';
import { busSettings } from '#event-bus';
import {
  outsideAws,
  always,
  flag,
  integer,
  list,
  optionalUrl,
  secret,
  serviceSettings,
  text,
  url,
  type ConfigOf,
  type ConfigShape,
  type Setting,
} from '#platform';
import { secretSettings } from '#secrets';
import { SHORTEST_RETENTION_DAYS } from './audit/audit.js';

const atLeastOne = (setting: Setting<readonly string[]>): Setting<readonly string[]> => ({
  ...setting,
  schema: setting.schema.refine((values) => values.length > 0, 'must contain at least one value'),
});

const retention = (setting: Setting<number>): Setting<number> => ({
  ...setting,
  schema: setting.schema.refine(
    (days) => days === 0 || days >= SHORTEST_RETENTION_DAYS,
    `must be 0 or at least ${SHORTEST_RETENTION_DAYS}`,
  ),
});

export const signingSettings = {
  AWS_REGION: secretSettings.AWS_REGION,
  ASSERTION_KMS_KEYS: list({
    purpose: 'ARNs of the AWS KMS keys (ECC_NIST_P256) for assertions. The first key signs; all keys are published.',
    example: 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  }),
  KMS_ENDPOINT: optionalUrl({
    purpose: 'KMS endpoint that replaces the public one of AWS, e.g. a VPC endpoint.',
    example: 'https://vpce-0example.kms.eu-central-1.vpce.amazonaws.com',
    development: outsideAws,
  }),
  ASSERTION_KEY_FILES: list({
    purpose: 'Files with P-256 keys (PKCS #8 PEM) that replace ASSERTION_KMS_KEYS. For development only.',
    example: '/run/secrets/assertion.pem',
    development: always,
  }),
} satisfies ConfigShape;

export const config = {
  ...serviceSettings,
  ...busSettings,
  ...secretSettings,
  ...signingSettings,
  ...cognitoSettings,
  INTERNAL_API_CREDENTIAL: secret({
    purpose:
      'Credential of auth-service at deactivation-worker, <caller>.<secret>. The worker must accept it with the scope sign-out.',
    example: 'auth-service.$(openssl rand -hex 32)',
  }),
  COGNITO_CLIENT_ID: text({
    purpose:
      'App client in the user pool through which auth-service signs people in. The app client needs ALLOW_CUSTOM_AUTH and a secret.',
    example: '7gthn2k8example',
  }),
  COGNITO_CLIENT_SECRET: secret({
    purpose: 'Secret of the app client COGNITO_CLIENT_ID.',
    example: '$(aws cognito-idp describe-user-pool-client ... --query UserPoolClient.ClientSecret)',
  }),
  SESSION_KEYS: {
    ...atLeastOne(
      list({
        purpose: 'Keys (32 bytes, base64url) for the tokens of sessions. The first key encrypts; all keys can decrypt.',
        example: '$(openssl rand -base64 32 | tr "+/" "-_" | tr -d "=")',
      }),
    ),
    secret: true,
  },
  SESSION_HOURS: integer({
    purpose: 'Hours after which a person must sign in again, even if the session is in use.',
    example: '12',
    default: 12,
    min: 1,
    max: 720,
  }),
  SESSION_IDLE_MINUTES: integer({
    purpose: 'Minutes without any request after which a session ends.',
    example: '120',
    default: 120,
    min: 5,
    max: 43_200,
  }),
  AUDIT_RETENTION_DAYS: retention(
    integer({
      purpose: `Days for which audit rows of sign-ins are kept: at least ${SHORTEST_RETENTION_DAYS}, or 0 to keep them for ever.`,
      example: '400',
      default: 400,
      min: 0,
      max: 36_500,
    }),
  ),
  PUBLIC_ORIGIN: url({
    purpose: 'Origin at which browsers reach tenants without a host name of their own.',
    example: 'https://your-instance.stackflow-tech.com',
    default: 'http://localhost:8080',
  }),
  OKTA_CUSTOM_DOMAINS: list({
    purpose: "Custom domains of tenants' Okta orgs. An issuer must be on one of these domains or on one of Okta's own.",
    example: 'login.acme.com',
  }),
  OKTA_ISSUER_OVERRIDE: optionalUrl({
    purpose:
      'Origin that replaces the origin of every issuer, e.g. that of the sandbox. It may be http. For development only.',
    example: 'http://localhost:9402',
    development: always,
  }),
  DEACTIVATION_WORKER_URL: url({
    purpose: 'URL of the internal API of deactivation-worker, which signs people out after a Universal Logout.',
    example: 'http://deactivation-worker',
  }),
  SSO_REQUIRE_MFA: flag({
    purpose: 'Whether people who used no second factor at Okta are refused ("amr" of the ID token).',
    example: 'true',
    default: false,
  }),
  SSO_MAX_AUTH_AGE_MINUTES: integer({
    purpose:
      'Largest age of the sign-in at Okta, in minutes. 0 means that any age is accepted while the Okta session lasts.',
    example: '480',
    default: 0,
    min: 0,
    max: 43_200,
  }),
} satisfies ConfigShape;

export type AuthConfig = ConfigOf<typeof config>;
