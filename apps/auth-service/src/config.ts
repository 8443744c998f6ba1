/** Configuration of auth-service. */
import { cognitoSettings } from '#cognito';
import { busSettings } from '#event-bus';
import {
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
  schema: setting.schema.refine((values) => values.length > 0, 'must name at least one'),
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
    purpose: 'ARNs of the AWS KMS keys (ECC_NIST_P256) that sign assertions; the first signs, all are published.',
    example: 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  }),
  KMS_ENDPOINT: optionalUrl({
    purpose: 'Another KMS endpoint than the public one of AWS, e.g. a VPC endpoint.',
    example: 'https://vpce-0example.kms.eu-central-1.vpce.amazonaws.com',
  }),
  ASSERTION_KEY_FILES: list({
    purpose: 'Development only, instead of ASSERTION_KMS_KEYS: files with P-256 keys (PKCS #8 PEM).',
    example: '/run/secrets/assertion.pem',
  }),
} satisfies ConfigShape;

export const config = {
  ...serviceSettings,
  ...busSettings,
  ...secretSettings,
  ...signingSettings,
  ...cognitoSettings,
  COGNITO_CLIENT_ID: text({
    purpose: 'App client of the SSO bridge in the user pool. It has ALLOW_CUSTOM_AUTH and a secret.',
    example: '7gthn2k8example',
  }),
  COGNITO_CLIENT_SECRET: secret({
    purpose: 'Secret of that app client.',
    example: '$(aws cognito-idp describe-user-pool-client ... --query UserPoolClient.ClientSecret)',
  }),
  SESSION_KEYS: {
    ...atLeastOne(
      list({
        purpose: 'Keys (32 bytes, base64url) that encrypt the tokens of sessions. The first encrypts, all decrypt.',
        example: '$(openssl rand -base64 32 | tr "+/" "-_" | tr -d "=")',
      }),
    ),
    secret: true,
  },
  SESSION_HOURS: integer({
    purpose: 'Hours after which a person must sign in again, even if active.',
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
      purpose: `Days that audit rows of sign-ins are kept, at least ${SHORTEST_RETENTION_DAYS}; 0 = for ever.`,
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
    purpose: "Custom domains of tenants' Okta orgs. Issuers on other domains than these and Okta's own are refused.",
    example: 'login.acme.com',
  }),
  OKTA_ISSUER_OVERRIDE: optionalUrl({
    purpose: 'Development only: replaces the origin of every issuer, e.g. by the sandbox. May be http.',
    example: 'http://localhost:9402',
  }),
  DEACTIVATION_WORKER_URL: url({
    purpose: 'URL of the internal API of deactivation-worker, which signs people out after a Universal Logout.',
    example: 'http://deactivation-worker',
  }),
  SSO_REQUIRE_MFA: flag({
    purpose: 'Refuse people who used no second factor at Okta ("amr" of the ID token).',
    example: 'true',
    default: false,
  }),
  SSO_MAX_AUTH_AGE_MINUTES: integer({
    purpose: 'Minutes that the sign-in at Okta may be ago; 0 = as long as the Okta session lasts.',
    example: '480',
    default: 0,
    min: 0,
    max: 43_200,
  }),
} satisfies ConfigShape;

export type AuthConfig = ConfigOf<typeof config>;
