/**
 * Signing in by CUSTOM_AUTH: Cognito asks a nonce, the caller answers with an assertion that it signed over that nonce
 * (apps/cognito-triggers says what is in it). No password is involved, and two sign-ins of one person do not meet.
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
  /** The app client; with ALLOW_CUSTOM_AUTH, and a secret. */
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

/** On a refresh: null = the one that was sent stays good. */
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
   * `assertionFor` signs for the nonce of this challenge. A challenge is spent by one answer, so what nobody knows the
   * outcome of begins anew, once; tokens of an answer that was lost on the way die unused. Rejects with a `CognitoError`.
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

  /** `assertion` reaches PreTokenGeneration as ClientMetadata: without it the new token would not say whose session it is. */
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

  /** Kills the refresh token and every access token that came of it. One that is dead already is no error. */
  async revoke(refreshToken: string): Promise<void> {
    const { clientId: ClientId, clientSecret: ClientSecret } = this.options;
    const command = new RevokeTokenCommand({ ClientId, ClientSecret, Token: refreshToken });
    await this.calls.make('RevokeToken', 'urgent', (client) => client.send(command));
  }

  close(): void {
    this.calls.close();
  }

  /** Nest calls it after whoever signs people in has stopped. */
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
      throw new CognitoError('config', 'AdminInitiateAuth', 'NoChallenge', 'the pool has not our triggers');
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
      throw new CognitoError('config', 'AdminRespondToAuthChallenge', 'NoRefreshToken', 'the answer has none');
    return { ...tokensOf('AdminRespondToAuthChallenge', result), refreshToken: result.RefreshToken };
  }

  /** Cognito developer guide, "Computing secret hash values". */
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
    throw new CognitoError('config', operation, 'NoTokens', 'the answer has none');
  return { accessToken, idToken, expiresInSeconds };
}
