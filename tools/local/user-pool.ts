/** The user pool and the app client that a stack signs people in with. */
import {
  CognitoIdentityProviderClient,
  DescribeUserPoolClientCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { cognitoEndpoint, SANDBOX, type Surroundings } from './services.js';

export interface UserPool {
  readonly region: string;
  readonly userPoolId: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** Of the Cognito that the environment names, else of the sandbox's. */
export async function userPool(s: Surroundings): Promise<UserPool> {
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

async function clientSecret(s: Surroundings, pool: Omit<UserPool, 'clientSecret'>): Promise<string> {
  const client = new CognitoIdentityProviderClient({
    region: pool.region,
    endpoint: cognitoEndpoint(s),
    credentials: { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' },
  });
  try {
    const asked = { UserPoolId: pool.userPoolId, ClientId: pool.clientId };
    const { UserPoolClient } = await client.send(new DescribeUserPoolClientCommand(asked));
    return UserPoolClient?.ClientSecret ?? '';
  } finally {
    client.destroy();
  }
}

export const isSamePool = (a: UserPool, b: UserPool | undefined): boolean =>
  a.userPoolId === b?.userPoolId && a.clientId === b.clientId && a.clientSecret === b.clientSecret;
