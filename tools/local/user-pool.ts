import {
  CognitoIdentityProviderClient,
  DescribeUserPoolClientCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { cognitoEndpoint, SANDBOX, type StackSetup, type UserPool } from './setup.js';

/** Returns the user pool from the sandbox, unless the environment names a real Cognito. */
export async function userPool(s: StackSetup): Promise<UserPool> {
  const { COGNITO_ENDPOINT, COGNITO_USER_POOL_ID, COGNITO_CLIENT_ID, COGNITO_CLIENT_SECRET } = s.base;
  if (COGNITO_ENDPOINT)
    return {
      region: s.region,
      userPoolId: COGNITO_USER_POOL_ID ?? '',
      clientId: COGNITO_CLIENT_ID ?? '',
      clientSecret: COGNITO_CLIENT_SECRET ?? '',
    };
  const answer = await fetch(`http://localhost:${s.ports[SANDBOX]}/sandbox/endpoints`);
  const { pool } = (await answer.json()) as { pool: Omit<UserPool, 'clientSecret'> };
  return { ...pool, clientSecret: await clientSecret(s, pool) };
}

async function clientSecret(s: StackSetup, pool: Omit<UserPool, 'clientSecret'>): Promise<string> {
  const client = new CognitoIdentityProviderClient({
    region: pool.region,
    endpoint: cognitoEndpoint(s),
    credentials: { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' },
  });
  try {
    const { UserPoolClient } = await client.send(
      new DescribeUserPoolClientCommand({ UserPoolId: pool.userPoolId, ClientId: pool.clientId }),
    );
    return UserPoolClient?.ClientSecret ?? '';
  } finally {
    client.destroy();
  }
}
