/**
 * Signs people in by CUSTOM_AUTH: Cognito sends a nonce, and the caller returns a signed assertion that contains the
 * nonce. apps/cognito-triggers verifies the assertion.
 */
import {
  AdminInitiateAuthCommand,
  AdminRespondToAuthChallengeCommand,
  GetTokensFromRefreshTokenCommand,
  RevokeTokenCommand,
  type AuthenticationResultType,
} from '@aws-sdk/client-cognito-identity-provider';
import { createHmac } from 'node:crypto';
import { CognitoCalls, type CognitoClientOptions } from './calls.js';
import { CognitoError } from './errors.js';

export interface CustomAuthOptions extends CognitoClientOptions {
  readonly userPoolId: string;
  /** Id of an app client that has ALLOW_CUSTOM_AUTH and a secret. */
  readonly clientId: string;
  readonly clientSecret: string;
}

export interface CognitoTokens {
  readonly accessToken: string;
  readonly idToken: string;
  readonly expiresInSeconds: number;
}

export interface SignedIn extends CognitoTokens {
  readonly refreshToken: string;
}

/** The result of a refresh. If `refreshToken` is null, the token that was sent stays valid. */
export interface Refreshed extends CognitoTokens {
  readonly refreshToken: string | null;
}

const ATTEMPTS = 2;

export class CustomAuth {
  private readonly calls: CognitoCalls;

  constructor(private readonly options: CustomAuthOptions) {
    this.calls = new CognitoCalls(options);
  }

  /**
   * Signs a person in. `assertionFor` must sign the nonce of a challenge. If the result is unknown, repeats the sign-in
   * once with a new challenge, because Cognito accepts one answer per challenge. Rejects with a `CognitoError`.
   */
  async signIn(username: string, assertionFor: (nonce: string) => Promise<string>): Promise<SignedIn> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.once(username, assertionFor);
      } catch (error) {
        if (attempt >= ATTEMPTS || !(error instanceof CognitoError && error.errorClass === 'retry')) throw error;
      }
    }
  }

  /**
   * Requests new tokens. PreTokenGeneration receives `assertion`; without it, the access token would not name its
   * session.
   */
  async refresh(refreshToken: string, assertion: string): Promise<Refreshed> {
    const { clientId: ClientId, clientSecret: ClientSecret } = this.options;
    const command = new GetTokensFromRefreshTokenCommand({
      ClientId,
      ClientSecret,
      RefreshToken: refreshToken,
      ClientMetadata: { assertion },
    });
    const answer = await this.calls.make('GetTokensFromRefreshToken', 'urgent', (client) => client.send(command));
    const { AuthenticationResult: result } = answer;
    return { ...tokensOf('GetTokensFromRefreshToken', result), refreshToken: result?.RefreshToken ?? null };
  }

  /** Revokes the refresh token and all access tokens that came from it. An invalid token is not an error. */
  async revoke(refreshToken: string): Promise<void> {
    const { clientId: ClientId, clientSecret: ClientSecret } = this.options;
    const command = new RevokeTokenCommand({ ClientId, ClientSecret, Token: refreshToken });
    await this.calls.make('RevokeToken', 'urgent', (client) => client.send(command));
  }

  close(): void {
    this.calls.close();
  }

  /** Nest calls this after the services that sign people in have stopped. */
  onApplicationShutdown(): void {
    this.close();
  }

  private async once(username: string, assertionFor: (nonce: string) => Promise<string>): Promise<SignedIn> {
    const { userPoolId: UserPoolId, clientId: ClientId } = this.options;
    const secretHash = { SECRET_HASH: this.secretHash(username) };
    const begin = new AdminInitiateAuthCommand({
      UserPoolId,
      ClientId,
      AuthFlow: 'CUSTOM_AUTH',
      AuthParameters: { USERNAME: username, ...secretHash },
    });
    const challenge = await this.calls.make('AdminInitiateAuth', 'urgent', (client) => client.send(begin));
    const nonce = challenge.ChallengeParameters?.nonce;
    if (challenge.ChallengeName !== 'CUSTOM_CHALLENGE' || !nonce || !challenge.Session)
      throw new CognitoError('config', 'AdminInitiateAuth', 'NoChallenge', 'the user pool does not have our triggers');
    const assertion = await assertionFor(nonce);
    const answer = new AdminRespondToAuthChallengeCommand({
      UserPoolId,
      ClientId,
      ChallengeName: 'CUSTOM_CHALLENGE',
      Session: challenge.Session,
      ChallengeResponses: { USERNAME: username, ANSWER: assertion, ...secretHash },
      ClientMetadata: { assertion },
    });
    const { AuthenticationResult: result } = await this.calls.make('AdminRespondToAuthChallenge', 'urgent', (client) =>
      client.send(answer),
    );
    if (!result?.RefreshToken)
      throw new CognitoError(
        'config',
        'AdminRespondToAuthChallenge',
        'NoRefreshToken',
        'the response has no refresh token',
      );
    return { ...tokensOf('AdminRespondToAuthChallenge', result), refreshToken: result.RefreshToken };
  }

  /** Computes SECRET_HASH, see "Computing secret hash values" in the Cognito developer guide. */
  private secretHash(username: string): string {
    const { clientId, clientSecret } = this.options;
    return createHmac('sha256', clientSecret)
      .update(username + clientId)
      .digest('base64');
  }
}

function tokensOf(operation: string, result: AuthenticationResultType | undefined): CognitoTokens {
  const { AccessToken: accessToken, IdToken: idToken, ExpiresIn: expiresInSeconds } = result ?? {};
  if (!accessToken || !idToken || expiresInSeconds === undefined)
    throw new CognitoError('config', operation, 'NoTokens', 'the response has no tokens');
  return { accessToken, idToken, expiresInSeconds };
}
