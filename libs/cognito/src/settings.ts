import {
  outsideAws,
  decimal,
  optionalUrl,
  text,
  type ConfigOf,
  type ConfigShape,
  type Database,
  type Metrics,
} from '#platform';
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
    development: outsideAws,
  }),
  COGNITO_QUOTA_SHARE: decimal({
    purpose: "Part of the account's Cognito quotas that StackFlow's services may use together.",
    example: '0.6',
    // With 0.9, StackFlow may make 22.5 of the 25 UserUpdate calls per second. 20 offboardings per second need 20 of
    // these calls to disable people.
    default: 0.9,
    min: 0.01,
    max: 1,
  }),
  COGNITO_QUOTAS: quotasSetting,
} satisfies ConfigShape;

export const cognitoOptions = (config: ConfigOf<typeof cognitoSettings>, database: Database, metrics: Metrics) => ({
  region: config.AWS_REGION,
  userPoolId: config.COGNITO_USER_POOL_ID,
  endpoint: config.COGNITO_ENDPOINT,
  quota: new QuotaGate({ database, metrics, quotas: config.COGNITO_QUOTAS, share: config.COGNITO_QUOTA_SHARE }),
  metrics,
});
