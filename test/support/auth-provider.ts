/** An OpenID provider over real HTTP whose keys, tokens and answers a test can replace. */
import { createHash, randomUUID, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { nowSeconds, signingKey, signRs256, type Claims, type Jwk } from '../guard/issuer.js';

export const CLIENT_ID = '0oa1stackflow2client';
export const CLIENT_SECRET = 'a client secret: with+odd/characters';

const KEY = signingKey('first');
const SECOND_KEY = signingKey('second');

interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body: string;
}

/** `hang` = accepts the request and never answers. */
type Reply = Answer | 'hang';

const json = (value: unknown, status = 200): Answer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});

export class HostileProvider {
  origin = '';
  readonly key = KEY;
  readonly secondKey = SECOND_KEY;
  published: Jwk[] = [KEY.jwk];
  jwksFetches = 0;
  /** Bodies and `Authorization` headers of the requests to the token endpoint. */
  readonly exchanges: { form: URLSearchParams; authorization: string | undefined }[] = [];
  metadata: (regular: Claims) => Claims = (regular) => regular;
  discovery: () => Reply = () => json(this.metadata(this.regularMetadata()));
  jwks: () => Reply = () => json({ keys: this.published });
  token: (form: URLSearchParams) => Reply = (form) => this.redeem(form);
  /** The org server's answer to an introspection. */
  introspection: (form: URLSearchParams) => Reply = () => json({ active: false });
  /** Changes to the next ID tokens. */
  claims: Claims = {};
  sign: (claims: Claims) => string = (claims) =>
    signRs256({ alg: 'RS256', kid: this.key.kid }, claims, this.key.privateKey);
  sub = '00u1hostile2person3ab';
  private readonly grants = new Map<string, { nonce: string; challenge: string; redirectUri: string }>();
  private server: Server | null = null;

  async start(): Promise<this> {
    const server = createServer((request, response) => void this.answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.server = server;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    const { server } = this;
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(null)));
  }

  /** Removes all replacements. */
  reset(): void {
    this.published = [KEY.jwk];
    this.metadata = (regular) => regular;
    this.discovery = () => json(this.metadata(this.regularMetadata()));
    this.jwks = () => json({ keys: this.published });
    this.token = (form) => this.redeem(form);
    this.introspection = () => json({ active: false });
    this.claims = {};
    this.sign = (claims) => signRs256({ alg: 'RS256', kid: this.key.kid }, claims, this.key.privateKey);
    this.exchanges.length = 0;
  }

  signWith(kid: string, key: KeyObject): void {
    this.sign = (claims) => signRs256({ alg: 'RS256', kid }, claims, key);
  }

  /** Claims like those of Okta's ID tokens. */
  idTokenClaims(change: Claims = {}): Claims {
    const now = nowSeconds();
    return {
      ver: 1,
      iss: this.origin,
      sub: this.sub,
      aud: CLIENT_ID,
      iat: now,
      exp: now + 3600,
      jti: `ID.${randomUUID()}`,
      amr: ['pwd', 'mfa'],
      idp: '00o1idp',
      auth_time: now - 5,
      name: 'Ada Lovelace',
      email: 'ada@example.com',
      preferred_username: 'ada@example.com',
      ...change,
    };
  }

  /** Signs the person in without a page. `location`: the URL that the login redirects to. */
  authorize(location: string): { code: string; state: string } {
    const { searchParams } = new URL(location);
    const code = randomUUID();
    this.grants.set(code, {
      nonce: searchParams.get('nonce') ?? '',
      challenge: searchParams.get('code_challenge') ?? '',
      redirectUri: searchParams.get('redirect_uri') ?? '',
    });
    return { code, state: searchParams.get('state') ?? '' };
  }

  private redeem(form: URLSearchParams): Answer {
    const tokens = this.tokens(form);
    return json(tokens, 'error' in tokens ? 400 : 200);
  }

  private tokens(form: URLSearchParams): Claims {
    const grant = this.grants.get(form.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (grant?.challenge !== challenge || grant.redirectUri !== form.get('redirect_uri'))
      return { error: 'invalid_grant' };
    this.grants.delete(form.get('code') ?? '');
    const accessToken = `opaque-${randomUUID()}`;
    const atHash = createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url');
    const claims = this.idTokenClaims({ nonce: grant.nonce, at_hash: atHash, ...this.claims });
    return { token_type: 'Bearer', expires_in: 3600, access_token: accessToken, id_token: this.sign(claims) };
  }

  private regularMetadata(): Claims {
    return {
      issuer: this.origin,
      authorization_endpoint: `${this.origin}/oauth2/v1/authorize`,
      token_endpoint: `${this.origin}/oauth2/v1/token`,
      jwks_uri: `${this.origin}/oauth2/v1/keys`,
      end_session_endpoint: `${this.origin}/oauth2/v1/logout`,
      introspection_endpoint: `${this.origin}/oauth2/v1/introspect`,
      code_challenge_methods_supported: ['S256'],
      id_token_signing_alg_values_supported: ['RS256'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    };
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const reply = this.replyTo(request, new URLSearchParams(Buffer.concat(chunks).toString()));
    if (reply === 'hang') return;
    response.writeHead(reply.status ?? 200, reply.headers ?? { 'content-type': 'application/json' }).end(reply.body);
  }

  private replyTo(request: IncomingMessage, form: URLSearchParams): Reply {
    const { pathname } = new URL(request.url ?? '/', this.origin);
    // Custom authorization servers, which have the same keys as the org.
    const custom = /^(\/oauth2\/[a-z]+)\/\.well-known\/openid-configuration$/.exec(pathname)?.[1];
    if (custom) return json({ ...this.regularMetadata(), issuer: this.origin + custom });
    switch (pathname) {
      case '/.well-known/openid-configuration':
        return this.discovery();
      case '/oauth2/v1/introspect':
        this.exchanges.push({ form, authorization: request.headers.authorization });
        return this.introspection(form);
      case '/oauth2/v1/keys':
        this.jwksFetches++;
        return this.jwks();
      case '/oauth2/v1/token':
        this.exchanges.push({ form, authorization: request.headers.authorization });
        return this.token(form);
      default:
        return json({ error: 'not_found' }, 404);
    }
  }
}
