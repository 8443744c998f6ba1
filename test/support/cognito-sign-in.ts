/**
 * Signs people in to the sandbox Cognito as auth-service does: two calls, and an assertion in the second. The key is
 * the test's own; the sandbox gets its public half.
 */
import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminInitiateAuthCommand,
  AdminRespondToAuthChallengeCommand,
  CreateGroupCommand,
  DescribeUserPoolClientCommand,
  type AuthenticationResultType,
} from '@aws-sdk/client-cognito-identity-provider';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { createHmac, randomUUID } from 'node:crypto';
import type { RunningSandbox } from './sandbox.js';

export interface AssertionKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

export async function assertionKey(kid: string): Promise<AssertionKey> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid } };
}

/** The value of `ASSERTION_JWKS`. */
export const jwksOf = (...keys: readonly AssertionKey[]): string => JSON.stringify({ keys: keys.map((k) => k.jwk) });

export interface Client {
  readonly id: string;
  readonly secret: string | undefined;
}

export interface Challenge {
  readonly username: string;
  readonly session: string;
  readonly nonce: string;
}

export const TENANT = '0192f0c1-0000-7000-8000-000000000001';
export const OKTA_SUB = '00u1abcdEFGHijklm5d7';

type Claims = Record<string, unknown>;

export class Bridge {
  private constructor(
    readonly running: RunningSandbox,
    readonly client: Client,
    readonly key: AssertionKey,
  ) {}

  static async of(running: RunningSandbox, key: AssertionKey, clientId?: string): Promise<Bridge> {
    const id = clientId ?? running.sandbox.endpoints.pool.clientId;
    const described = await running.cognito.send(
      new DescribeUserPoolClientCommand({ UserPoolId: running.poolId, ClientId: id }),
    );
    return new Bridge(running, { id, secret: described.UserPoolClient?.ClientSecret }, key);
  }

  secretHash(username: string): Record<string, string> {
    if (this.client.secret === undefined) return {};
    const hash = createHmac('sha256', this.client.secret).update(username + this.client.id);
    return { SECRET_HASH: hash.digest('base64') };
  }

  /** Creates a user like identity-service. Missing `groups` are created, in this order of precedence. */
  async user(attributes: Record<string, string> = {}, groups: readonly string[] = []): Promise<string> {
    const { cognito, poolId: UserPoolId } = this.running;
    const Username = randomUUID();
    const all = { 'custom:tenant_id': TENANT, ...attributes };
    const UserAttributes = Object.entries(all)
      .filter(([, value]) => value !== '')
      .map(([Name, Value]) => ({ Name, Value }));
    await cognito.send(new AdminCreateUserCommand({ UserPoolId, Username, UserAttributes, MessageAction: 'SUPPRESS' }));
    for (const [index, GroupName] of groups.entries()) {
      await cognito
        .send(new CreateGroupCommand({ UserPoolId, GroupName, Precedence: index + 1 }))
        .catch((error: Error) => {
          if (error.name !== 'GroupExistsException') throw error;
        });
      await cognito.send(new AdminAddUserToGroupCommand({ UserPoolId, Username, GroupName }));
    }
    return Username;
  }

  async begin(username: string): Promise<Challenge> {
    const { Session, ChallengeParameters } = await this.running.cognito.send(
      new AdminInitiateAuthCommand({
        UserPoolId: this.running.poolId,
        ClientId: this.client.id,
        AuthFlow: 'CUSTOM_AUTH',
        AuthParameters: { USERNAME: username, ...this.secretHash(username) },
        ClientMetadata: { assertion: 'metadata of this call reaches no trigger' },
      }),
    );
    return { username, session: Session ?? '', nonce: ChallengeParameters?.nonce ?? '' };
  }

  /** Claims that are `undefined` are left out. */
  assertion(challenge: Pick<Challenge, 'username' | 'nonce'>, claims: Claims = {}, header: Claims = {}) {
    const iat = Math.floor(Date.now() / 1000);
    return new SignJWT({
      iss: 'auth-service',
      sub: challenge.username,
      aud: `cognito:${this.running.poolId}:${this.client.id}`,
      nonce: challenge.nonce,
      jti: randomUUID(),
      iat,
      exp: iat + 60,
      okta_iss: 'https://acme.okta.com',
      okta_sub: OKTA_SUB,
      tenant_id: TENANT,
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'okta-assertion+jwt', kid: this.key.kid, ...header })
      .sign(this.key.privateKey);
  }

  async answer(
    { username, session }: Challenge,
    answer: string,
    metadata?: Record<string, string>,
  ): Promise<AuthenticationResultType> {
    const { AuthenticationResult } = await this.running.cognito.send(
      new AdminRespondToAuthChallengeCommand({
        UserPoolId: this.running.poolId,
        ClientId: this.client.id,
        ChallengeName: 'CUSTOM_CHALLENGE',
        Session: session,
        ChallengeResponses: { USERNAME: username, ANSWER: answer, ...this.secretHash(username) },
        ClientMetadata: metadata,
      }),
    );
    if (!AuthenticationResult) throw new Error('another challenge instead of tokens');
    return AuthenticationResult;
  }

  async signIn(username: string, claims: Claims = {}): Promise<Tokens> {
    const challenge = await this.begin(username);
    const assertion = await this.assertion(challenge, claims);
    return tokensOf(await this.answer(challenge, assertion, { assertion }));
  }
}

export interface Tokens {
  readonly access: string;
  readonly id: string;
  /** Empty if the answer has none. */
  readonly refresh: string;
}

export const tokensOf = (result: AuthenticationResultType | undefined): Tokens => ({
  access: result?.AccessToken ?? '',
  id: result?.IdToken ?? '',
  refresh: result?.RefreshToken ?? '',
});
