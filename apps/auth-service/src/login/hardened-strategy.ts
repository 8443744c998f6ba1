/**
 * passport-openidconnect, made safe. As it comes (0.1.2) it verifies no signature, knows no PKCE, sends no nonce, keeps one
 * login per browser, and dies of some answers. Here everything that it would get from the network goes through our own
 * client and is verified before the library sees it; what it checks of the claims then is checked for the second time.
 *
 * One instance serves one request: it carries the PKCE verifier of a login that begins, or the attempt of one that ends.
 */
import { createHash, randomBytes } from 'node:crypto';
import OpenIDConnectStrategy, { type LoginContext, type Request, type StateStore } from 'passport-openidconnect';
import type { ClientCredentials, IdTokenClaims, OidcProvider, ProviderMetadata } from '#okta';

export interface RelyingParty {
  readonly provider: OidcProvider;
  /** As in the tenant's settings. */
  readonly issuer: string;
  readonly metadata: ProviderMetadata;
  readonly client: ClientCredentials;
  /** The exact string that is registered at Okta. */
  readonly redirectUri: string;
  /** Seconds; sent as `max_age`, and `auth_time` is held to it. */
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
export const random256 = (): string => randomBytes(32).toString('base64url');

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
        skipUserProfile: true, // its userinfo request ends the process on an answer that is no JSON
        store,
      },
      (_issuer, _profile, verified) => verified(new Error('the ID token was not verified')),
    );
    this.secrets = secrets;
  }

  /** `remember` stores what the callback will need and answers the state. */
  static beginning(party: RelyingParty, remember: (secrets: LoginSecrets) => Promise<string>): HardenedStrategy {
    const secrets = { nonce: random256(), codeVerifier: random256() };
    return new HardenedStrategy(party, secrets, {
      store: (_request, _context, _appState, _meta, done) =>
        void remember(secrets).then((state) => done(null, state), done),
      verify: (_request, _state, done) => done(new Error('this login only begins')),
    });
  }

  /** `attempt`: the login whose state came back, already taken out of the store. */
  static completing(party: RelyingParty, attempt: LoginSecrets & { readonly startedAt: Date }): HardenedStrategy {
    const context: LoginContext = { nonce: attempt.nonce, maxAge: party.maxAge, issued: attempt.startedAt };
    return new HardenedStrategy(party, attempt, {
      store: (_request, _context, _appState, _meta, done) => done(new Error('this login only ends')),
      verify: (_request, _state, done) => done(null, context, undefined),
    });
  }

  /** PKCE (RFC 7636) and a nonce of 256 bits; the library's own nonce stays switched off. */
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
          // No access token: nothing here has a use for it.
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
