/** Configuration of every service that calls Cognito. The SDK finds the AWS credentials itself. */
import { decimal, optionalUrl, text, type ConfigOf, type ConfigShape, type Database, type Metrics } from '#platform';
import { QuotaGate } from './quota-gate.js';
import { quotasSetting } from './quotas.js';

export const cognitoSettings = {
  AWS_REGION: text({ purpose: 'AWS Region of the user pool.', example: 'eu-central-1' }),
  COGNITO_USER_POOL_ID: text({
    purpose: 'User pool that contains the StackFlow accounts.',
    example: 'eu-central-1_AbCdEf123',
  }),
  COGNITO_ENDPOINT: optionalUrl({
    purpose: "Address that replaces AWS's own Cognito address, e.g. that of the sandbox.",
    example: 'http://localhost:9400',
  }),
  COGNITO_QUOTA_SHARE: decimal({
    purpose: "Part of the account's Cognito quotas that StackFlow's services may use together.",
    example: '0.6',
    // The fixed quota of UserUpdate is 25 calls per second. 0.9 of this quota, 22.5 calls, is enough for the disables
    // of 20 offboardings per second.
    default: 0.9,
    min: 0.01,
    max: 1,
  }),
  COGNITO_QUOTAS: quotasSetting,
} satisfies ConfigShape;

/** The options of a client that follow from these settings. */
export const cognitoOptions = (config: ConfigOf<typeof cognitoSettings>, database: Database, metrics: Metrics) => ({
  region: config.AWS_REGION,
  userPoolId: config.COGNITO_USER_POOL_ID,
  endpoint: config.COGNITO_ENDPOINT,
  quota: new QuotaGate({ database, metrics, quotas: config.COGNITO_QUOTAS, share: config.COGNITO_QUOTA_SHARE }),
  metrics,
});
