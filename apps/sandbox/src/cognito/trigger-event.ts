import type { AppClient } from './clients.js';
import type { ClientMetadata } from './shapes.js';
import type { UserRow } from './users.sql.js';

/** The part of the event that all triggers receive. `user` is null for an unknown user. */
export const triggerEvent = (client: AppClient, userName: string, user: UserRow | null, metadata: ClientMetadata) => ({
  version: '1',
  region: client.poolId.split('_')[0] ?? '',
  userPoolId: client.poolId,
  userName,
  callerContext: { awsSdkVersion: 'aws-sdk-unknown-unknown', clientId: client.id },
  request: {
    userAttributes: user ? { sub: user.sub, 'cognito:user_status': user.status, ...user.attributes } : {},
    ...(metadata && { clientMetadata: metadata }),
    ...(user === null && { userNotFound: true }),
  },
});
