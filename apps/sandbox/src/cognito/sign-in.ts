import type { Database } from '#platform';
import { AwsError, invalidParameter } from '../aws/aws-error.js';
import { unsigned, type Operation } from '../aws/aws-listener.js';
import { checkFlow, checkSecretHash, knowsSecret, notAuthorized, type AppClient, type AppClients } from './clients.js';
import type { CustomAuth } from './custom-auth.js';
import type { Pools } from './pools.js';
import * as shape from './shapes.js';
import type { SigningKeys } from './signing-keys.js';
import * as sql from './sign-in.sql.js';
import { hashOf, userDisabled, type TokenIssuer } from './token-issuer.js';
import { SELF_SERVICE_SCOPE } from './token-claims.js';
import { checkAttributes } from './schema.js';
import { SIGN_OUT, UPDATE_ATTRIBUTES, type KeyedUserRow } from './users.sql.js';
import { userView } from './users.js';

export interface SignInParts {
  readonly database: Database;
  readonly pools: Pools;
  readonly clients: AppClients;
  readonly keys: SigningKeys;
  readonly tokens: TokenIssuer;
  readonly customAuth: CustomAuth;
}

export const signInOperations = (parts: SignInParts): Record<string, Operation> => ({
  ...authenticationOperations(parts),
  ...refreshOperations(parts),
  ...tokenOperations(parts),
});

function authenticationOperations(parts: SignInParts): Record<string, Operation> {
  const { pools, clients, customAuth } = parts;
  return {
    AdminInitiateAuth: pools.operation(shape.adminInitiateAuth, async (input, pool) => {
      const client = await clients.get(input.ClientId, pool.id);
      return input.AuthFlow === 'CUSTOM_AUTH'
        ? customAuth.begin(pool, client, input.AuthParameters)
        : refreshByFlow(parts, client, input.AuthFlow, input.AuthParameters);
    }),
    AdminRespondToAuthChallenge: pools.operation(shape.adminRespondToAuthChallenge, async (input, pool) => {
      const client = await clients.get(input.ClientId, pool.id);
      if (input.ChallengeName !== 'CUSTOM_CHALLENGE')
        throw invalidParameter(`the sandbox does not support the challenge ${input.ChallengeName}`);
      return customAuth.answer(pool, client, input.Session, input.ChallengeResponses, input.ClientMetadata);
    }),
    InitiateAuth: unsigned(shape.initiateAuth, async (input) =>
      refreshByFlow(parts, await clients.get(input.ClientId), input.AuthFlow, input.AuthParameters),
    ),
  };
}

/**
 * Refreshes tokens for InitiateAuth and AdminInitiateAuth. PreTokenGeneration then gets no ClientMetadata, because
 * Cognito passes it only for GetTokensFromRefreshToken.
 */
async function refreshByFlow(
  parts: SignInParts,
  client: AppClient,
  flow: string,
  { REFRESH_TOKEN: token, SECRET_HASH: secretHash }: Readonly<Record<string, string>>,
): Promise<object> {
  if (flow !== 'REFRESH_TOKEN_AUTH' && flow !== 'REFRESH_TOKEN')
    throw invalidParameter(`${flow} flow not enabled for this client`);
  checkFlow(client, 'REFRESH_TOKEN_AUTH');
  if (!token) throw invalidParameter('Missing required parameter REFRESH_TOKEN');
  const found = await findRefreshToken(parts.database, client, token);
  checkSecretHash(client, found.username, secretHash);
  return parts.tokens.extend(token, refreshable(found), client, undefined);
}

function refreshOperations({ database, clients, tokens }: SignInParts): Record<string, Operation> {
  return {
    GetTokensFromRefreshToken: unsigned(shape.getTokensFromRefreshToken, async (input) => {
      const client = await clients.get(input.ClientId);
      if (!knowsSecret(client, input.ClientSecret))
        throw notAuthorized(`Unable to verify secret for client ${client.id}`);
      const found = refreshable(await findRefreshToken(database, client, input.RefreshToken));
      return tokens.extend(input.RefreshToken, found, client, input.ClientMetadata);
    }),
    RevokeToken: unsigned(shape.revokeToken, async (input) => {
      const client = await clients.get(input.ClientId);
      if (!knowsSecret(client, input.ClientSecret))
        throw new AwsError('UnauthorizedException', 'Unable to verify the secret of the client.');
      if (!client.settings.EnableTokenRevocation)
        throw new AwsError('UnsupportedOperationException', 'Token revocation is not enabled for this client.');
      if (input.Token.split('.').length === 3)
        throw new AwsError('UnsupportedTokenTypeException', 'Only refresh tokens can be revoked.');
      await database.query(sql.REVOKE_GRANT, [hashOf(input.Token), client.id]);
      return {};
    }),
  };
}

async function findRefreshToken(database: Database, client: AppClient, token: string): Promise<sql.RefreshRow> {
  const grace = client.settings.RefreshTokenRotation?.RetryGracePeriodSeconds ?? 0;
  const [found] = await database.query<sql.RefreshRow>(sql.FIND_REFRESH_TOKEN, [hashOf(token), grace]);
  if (found?.client_id !== client.id) throw notAuthorized('Invalid Refresh Token');
  return found;
}

function refreshable(found: sql.RefreshRow): sql.RefreshRow {
  if (!found.enabled) throw userDisabled();
  switch (found.token_state) {
    case 'revoked':
      throw notAuthorized('Refresh Token has been revoked');
    case 'expired':
      throw notAuthorized('Refresh Token has expired');
    case 'reused':
      throw new AwsError('RefreshTokenReuseException', 'Refresh Token has been rotated out');
    case 'live':
      return found;
  }
}

function tokenOperations({ database, keys, clients, pools }: SignInParts): Record<string, Operation> {
  async function holder(token: string): Promise<KeyedUserRow & { poolId: string; clientId: string }> {
    const { jti, poolId, scope, client_id } = await keys.readAccessToken(token);
    const [user] = await database.query<KeyedUserRow>(sql.USER_OF_ACCESS_TOKEN, [jti, poolId]);
    if (!user) throw notAuthorized('Access Token has been revoked');
    if (!String(scope).split(' ').includes(SELF_SERVICE_SCOPE))
      throw notAuthorized('Access Token does not have required scopes');
    return { ...user, poolId, clientId: String(client_id) };
  }
  return {
    GetUser: unsigned(shape.withAccessToken, async ({ AccessToken }) => {
      const { Username, Attributes } = userView(await holder(AccessToken));
      return { Username, UserAttributes: Attributes };
    }),
    UpdateUserAttributes: unsigned(shape.updateUserAttributes, async ({ AccessToken, UserAttributes }) => {
      const { poolId, username_key, clientId } = await holder(AccessToken);
      const { settings } = await clients.get(clientId, poolId);
      const writable = settings.WriteAttributes;
      const refused = UserAttributes.find(({ Name }) => !(writable?.includes(Name) ?? !Name.startsWith('custom:')));
      if (refused) throw notAuthorized('A client attempted to write unauthorized attribute');
      const { set, remove } = checkAttributes((await pools.get(poolId)).schema, UserAttributes, 'update');
      const values = [poolId, username_key, JSON.stringify(set), remove];
      await database.query({ name: 'update_attributes', text: UPDATE_ATTRIBUTES, values });
      return { CodeDeliveryDetailsList: [] };
    }),
    GlobalSignOut: unsigned(shape.withAccessToken, async ({ AccessToken }) => {
      const { poolId, username_key } = await holder(AccessToken);
      await database.query({ name: 'sign_out', text: SIGN_OUT, values: [poolId, username_key] });
      return {};
    }),
  };
}
