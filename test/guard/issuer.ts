/**
 * A user pool as a resource server sees it: two RSA keys (Cognito signs ID and access tokens with different ones), a
 * JWKS over HTTP, and tokens, good and bad.
 */
import { createHmac, createSign, generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Jwk {
  readonly kid: string;
  readonly [member: string]: unknown;
}

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly jwk: Jwk;
}

export function signingKey(kid: string, bits = 2048): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  return { kid, privateKey, publicKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' } };
}

const poolKeys = new Map<string, SigningKey>();

/** Generating a key takes longer than most tests, so all issuers of a test process share theirs. */
function poolKey(kid: string): SigningKey {
  const key = poolKeys.get(kid) ?? signingKey(kid);
  poolKeys.set(kid, key);
  return key;
}

export type Claims = Record<string, unknown>;

const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

export function signRs256(header: Claims, claims: unknown, key: KeyObject): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${createSign('RSA-SHA256').update(input).sign(key, 'base64url')}`;
}

/** The algorithm confusion attack: the public key used as an HMAC secret. */
export function signHs256(header: Claims, claims: unknown, key: KeyObject): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${createHmac('sha256', key.export({ type: 'spki', format: 'pem' }))
    .update(input)
    .digest('base64url')}`;
}

export const unsigned = (header: Claims, claims: unknown): string => `${encode(header)}.${encode(claims)}.`;

export const nowSeconds = (): number => Math.floor(Date.now() / 1000);

export class Issuer {
  readonly clientId = '7gthn2k8example';
  /** How often the JWKS endpoint has answered. */
  fetches = 0;
  /** The answer of the endpoint, or a function that handles the request. */
  jwks: () => { status: number; body: string } | undefined;
  /** Redirects to this URL, if set. */
  redirectTo: string | undefined;
  readonly issuer = 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example01';

  private constructor(
    private readonly server: Server,
    readonly key: SigningKey,
    readonly idKey: SigningKey,
  ) {
    this.jwks = () => this.publish([key, idKey]);
  }

  static async start(): Promise<Issuer> {
    const server = createServer();
    const issuer = new Issuer(server, poolKey('access-key'), poolKey('id-key'));
    server.on('request', (_, response) => {
      issuer.fetches++;
      if (issuer.redirectTo) return void response.writeHead(302, { location: issuer.redirectTo }).end();
      const answer = issuer.jwks();
      if (answer) response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return issuer;
  }

  publish(keys: readonly SigningKey[]): { status: number; body: string } {
    return { status: 200, body: JSON.stringify({ keys: keys.map((k) => k.jwk) }) };
  }

  get jwksUri(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/jwks.json`;
  }

  accessClaims(accountId: string, changes: Claims = {}): Claims {
    const iat = nowSeconds();
    return {
      sub: randomUUID(),
      'cognito:groups': ['viewer'],
      iss: this.issuer,
      client_id: this.clientId,
      origin_jti: randomUUID(),
      event_id: randomUUID(),
      token_use: 'access',
      scope: 'stackflow',
      auth_time: iat,
      iat,
      exp: iat + 900,
      jti: randomUUID(),
      username: accountId,
      ...changes,
    };
  }

  accessToken(accountId: string, changes: Claims = {}, header: Claims = {}, key: SigningKey = this.key): string {
    return signRs256({ kid: key.kid, alg: 'RS256', ...header }, this.accessClaims(accountId, changes), key.privateKey);
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}
