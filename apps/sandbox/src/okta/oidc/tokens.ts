import { jwtVerify, type JWTPayload } from 'jose';
import { accessTokenClaims, idTokenClaims, TOKEN_SECONDS, type Subject } from './claims.js';
import { draft, sign, signRightly, type Signers } from './draft.js';
import type { ClientFault } from './faults.js';
import { newKey, signingKey, type KeyRing, type KeySet, type SigningKey } from './keys.js';
import type { ServerId } from './model.js';
import type { AuthorizationServer } from './servers.js';
import { spoil, tokenFaults, type TokenFault } from './token-faults.js';

export interface TokenAnswer {
  readonly token_type: 'Bearer';
  readonly expires_in: number;
  readonly access_token: string;
  readonly scope: string;
  readonly id_token?: string;
}

/** The custom server signs access tokens and ID tokens with the same key set. */
const accessKeySet = (server: ServerId): KeySet => (server === 'org' ? 'org-access' : server);

const isTokenFault = (fault: string): fault is TokenFault => tokenFaults.some((f) => f === fault);

export class Tokens {
  private foreign: Promise<SigningKey> | undefined;

  constructor(
    private readonly keys: KeyRing,
    private readonly foreignKeysUrl: () => string,
  ) {}

  /** The key of forged tokens. Each process generates its own. */
  foreignKey(): Promise<SigningKey> {
    this.foreign ??= newKey().then(({ jwk, kid }) => signingKey(jwk, kid));
    return this.foreign;
  }

  async issue(subject: Subject, fault?: ClientFault): Promise<TokenAnswer> {
    const { server, grant } = subject;
    const access = accessTokenClaims(subject);
    const accessToken = await this.sign(accessKeySet(server.id), access, subject, faultIn(fault, 'access_token'));
    const idToken =
      grant.scopes.includes('openid') && fault?.fault !== 'no-id-token'
        ? await this.sign(server.id, idTokenClaims(subject, accessToken), subject, faultIn(fault, 'id_token'))
        : undefined;
    return {
      token_type: 'Bearer',
      expires_in: TOKEN_SECONDS,
      access_token: accessToken,
      scope: grant.scopes.join(' '),
      ...(idToken !== undefined && { id_token: idToken }),
    };
  }

  /** Returns the claims of an unexpired access token of this server, and null for any other token. */
  async readAccessToken(server: AuthorizationServer, token: string): Promise<JWTPayload | null> {
    const expected = { issuer: server.issuer, audience: server.audience, algorithms: ['RS256'] };
    return this.read(accessKeySet(server.id), token, expected);
  }

  /** Reads an ID token. An expired one is accepted, too, because the claims only select the session to end. */
  async readIdTokenHint(server: AuthorizationServer, token: string): Promise<JWTPayload | null> {
    // This time is before the expiry of every token.
    const currentDate = new Date(0);
    return this.read(server.id, token, { issuer: server.issuer, algorithms: ['RS256'], currentDate });
  }

  private async read(
    keySet: KeySet,
    token: string,
    expected: NonNullable<Parameters<typeof jwtVerify>[2]>,
  ): Promise<JWTPayload | null> {
    const key = await this.keys.verifier(keySet);
    return jwtVerify(token, key, expected).then(
      ({ payload }) => payload,
      () => null,
    );
  }

  private async sign(keySet: KeySet, claims: JWTPayload, subject: Subject, fault?: ClientFault): Promise<string> {
    const own = await this.keys.current(keySet);
    const right = draft(claims, own);
    if (!fault || !isTokenFault(fault.fault)) return signRightly(right, own);
    const signers: Signers = { own, foreign: await this.foreignKey(), clientSecret: subject.client.secret };
    const { claim, seconds } = fault;
    const context = { claim, seconds, signers, foreignKeysUrl: this.foreignKeysUrl(), now: subject.now };
    return sign(spoil(fault.fault, right, context), signers);
  }
}

const faultIn = (fault: ClientFault | undefined, token: ClientFault['token']): ClientFault | undefined =>
  fault?.token === token ? fault : undefined;
