/**
 * Makes passport-openidconnect 0.1.2 safe. The library verifies no signature, has no PKCE, sends no nonce, allows one
 * login per browser, and crashes on some responses. Here our own client makes all requests, and verifies all responses
 * before the library sees them. One instance serves one request, because it contains the secrets of one login.
 */
import { createHash } from 'node:crypto';
import OpenIDConnectStrategy, { type LoginContext, type Request, type StateStore } from 'passport-openidconnect';
import type { ClientCredentials, IdTokenClaims, OidcProvider, ProviderMetadata } from '#okta';
import { random256 } from '../http/cookies.js';

export interface RelyingParty {
  readonly provider: OidcProvider;
  /** The issuer, spelled as in the tenant's settings. */
  readonly issuer: string;
  readonly metadata: ProviderMetadata;
  readonly client: ClientCredentials;
  /** The redirect URI, exactly as registered at Okta. */
  readonly redirectUri: string;
  /** Largest age of the sign-in at Okta, in seconds. It is sent as `max_age` and compared with `auth_time`. */
  readonly maxAge?: number | undefined;
  readonly requireMfa: boolean;
}

export interface LoginSecrets {
  readonly nonce: string;
  readonly codeVerifier: string;
}

export interface ProvenLogin {
  readonly claims: IdTokenClaims;
  readonly idToken: string;
}

const SCOPE = ['profile', 'email'];

export class HardenedStrategy extends OpenIDConnectStrategy {
  private readonly secrets: LoginSecrets;

  private constructor(
    private readonly party: RelyingParty,
    secrets: LoginSecrets,
    store: StateStore,
  ) {
    super(
      {
        issuer: party.metadata.issuer,
        authorizationURL: party.metadata.authorizationEndpoint,
        tokenURL: party.metadata.tokenEndpoint,
        clientID: party.client.clientId,
        callbackURL: party.redirectUri,
        scope: SCOPE,
        maxAge: party.maxAge,
        skipUserProfile: true, // the library's userinfo request crashes the process if the response is not JSON
        store,
      },
      (_issuer, _profile, verified) => verified(new Error('the ID token was not verified')),
    );
    this.secrets = secrets;
  }

  /** Creates the strategy that begins a login. `seal` returns the state, which contains the secrets for the callback. */
  static beginning(party: RelyingParty, seal: (secrets: LoginSecrets) => string): HardenedStrategy {
    const secrets = { nonce: random256(), codeVerifier: random256() };
    return new HardenedStrategy(party, secrets, {
      store: (_request, _context, _appState, _meta, done) => done(null, seal(secrets)),
      verify: (_request, _state, done) => done(new Error('this strategy can only begin a login')),
    });
  }

  /** Creates the strategy that completes a login. `attempt` is the login that the callback's state belongs to. */
  static completing(party: RelyingParty, attempt: LoginSecrets & { readonly startedAt: Date }): HardenedStrategy {
    const context: LoginContext = { nonce: attempt.nonce, maxAge: party.maxAge, issued: attempt.startedAt };
    return new HardenedStrategy(party, attempt, {
      store: (_request, _context, _appState, _meta, done) => done(new Error('this strategy can only complete a login')),
      verify: (_request, _state, done) => done(null, context, undefined),
    });
  }

  /** Adds PKCE (RFC 7636) and a nonce of 256 bits. The library's own nonce is switched off. */
  override authorizationParams(): Record<string, string> {
    const { nonce, codeVerifier } = this.secrets;
    const challenge = createHash('sha256').update(codeVerifier).digest('base64url');
    return { nonce, code_challenge: challenge, code_challenge_method: 'S256' };
  }

  override authenticate(request: Request, options?: object): void {
    this._oauth2.getOAuthAccessToken = (code, _parameters, done) =>
      void this.redeem(code)
        .then((proven) => {
          this._verify = (_issuer, _profile, verified) => verified(null, proven);
          // The access token is discarded, because nothing uses it.
          done(null, '', undefined, { id_token: proven.idToken });
        })
        .catch((error: unknown) => this.error(error));
    super.authenticate(request, options);
  }

  private async redeem(code: string): Promise<ProvenLogin> {
    const { provider, issuer, metadata, client, redirectUri, maxAge, requireMfa } = this.party;
    const { nonce, codeVerifier } = this.secrets;
    const { idToken, accessToken } = await provider.exchangeCode(metadata, client, { code, redirectUri, codeVerifier });
    const expected = { issuer, clientId: client.clientId, nonce, accessToken, maxAge, requireMfa };
    return { idToken, claims: await provider.verifyIdToken(idToken, expected) };
  }
}
