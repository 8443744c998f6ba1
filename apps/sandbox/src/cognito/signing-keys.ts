/** Cognito signs ID tokens and access tokens with different keys and publishes both. */
import { randomBytes } from 'node:crypto';
import {
  decodeJwt,
  errors,
  exportJWK,
  generateKeyPair,
  importJWK,
  jwtVerify,
  SignJWT,
  type JWK,
  type JWTPayload,
} from 'jose';
import type { Database } from '#platform';
import { notAuthorized } from './clients.js';

export type TokenUse = 'id' | 'access';
type PrivateKey = Awaited<ReturnType<typeof importJWK>>;

interface PoolKey {
  readonly kid: string;
  readonly privateKey: PrivateKey;
  readonly publicKey: PrivateKey;
  readonly published: JWK;
}
type PoolKeys = Readonly<Record<TokenUse, PoolKey>>;

const ALGORITHM = 'RS256';

export class SigningKeys {
  private readonly known = new Map<string, Promise<PoolKeys>>();

  constructor(
    private readonly database: Database,
    private readonly region: string,
  ) {}

  /** Returns the issuer that AWS would use. For a verifier, only the URL of the key set differs from AWS. */
  issuer(poolId: string): string {
    return `https://cognito-idp.${this.region}.amazonaws.com/${poolId}`;
  }

  async sign(poolId: string, use: TokenUse, claims: JWTPayload): Promise<string> {
    const { kid, privateKey } = (await this.of(poolId))[use];
    return new SignJWT(claims).setProtectedHeader({ kid, alg: ALGORITHM }).sign(privateKey);
  }

  /**
   * Verifies an access token, but does not check whether it was revoked. An ID token is refused, because another key
   * signed it.
   */
  async readAccessToken(token: string): Promise<JWTPayload & { jti: string; poolId: string }> {
    const poolId = poolOf(token);
    // Without this check, the code below would generate keys for an unknown pool.
    const rows = await this.database.query('select 1 from cognito_pool where id = $1', [poolId]);
    if (rows.length === 0) throw invalidAccessToken();
    const { publicKey } = (await this.of(poolId)).access;
    const { payload } = await jwtVerify(token, publicKey, {
      algorithms: [ALGORITHM],
      issuer: this.issuer(poolId),
    }).catch((error: unknown) => {
      if (error instanceof errors.JWTExpired) throw notAuthorized('Access Token has expired');
      throw error instanceof errors.JOSEError ? invalidAccessToken() : error;
    });
    if (payload.jti === undefined) throw invalidAccessToken();
    return { ...payload, jti: payload.jti, poolId };
  }

  async jwks(poolId: string): Promise<{ keys: readonly JWK[] }> {
    const { id, access } = await this.of(poolId);
    return { keys: [id.published, access.published] };
  }

  /**
   * Returns the keys of a pool. They are generated at first use, because two RSA keys would make CreateUserPool slow.
   */
  private of(poolId: string): Promise<PoolKeys> {
    const known = this.known.get(poolId);
    if (known) return known;
    const made = Promise.all([this.load(poolId, 'id'), this.load(poolId, 'access')]).then(([id, access]) => ({
      id,
      access,
    }));
    this.known.set(poolId, made);
    made.catch(() => this.known.delete(poolId));
    return made;
  }

  /** If two processes generate a key at the same time, both use the key that was stored first. */
  private async load(poolId: string, use: TokenUse): Promise<PoolKey> {
    const find = () =>
      this.database.query<{ kid: string; private_jwk: JWK }>(
        'select kid, private_jwk from cognito_signing_key where pool_id = $1 and token_use = $2',
        [poolId, use],
      );
    let [row] = await find();
    if (!row) {
      const { privateKey } = await generateKeyPair(ALGORITHM, { modulusLength: 2048, extractable: true });
      await this.database.query(
        'insert into cognito_signing_key (pool_id, token_use, kid, private_jwk) values ($1, $2, $3, $4) on conflict do nothing',
        [poolId, use, randomBytes(32).toString('base64'), JSON.stringify(await exportJWK(privateKey))],
      );
      [row] = await find();
    }
    if (!row) throw new Error(`pool ${poolId} has no key for ${use} tokens`);
    const { kid, private_jwk: jwk } = row;
    const published: JWK = { alg: ALGORITHM, e: jwk.e ?? '', kid, kty: 'RSA', n: jwk.n ?? '', use: 'sig' };
    return {
      kid,
      privateKey: await importJWK(jwk, ALGORITHM),
      publicKey: await importJWK(published, ALGORITHM),
      published,
    };
  }
}

const invalidAccessToken = () => notAuthorized('Invalid Access Token');

/** Reads the pool id of a token without verification. The id only selects the key that verifies the token. */
function poolOf(token: string): string {
  try {
    const { iss } = decodeJwt(token);
    if (typeof iss === 'string') return iss.split('/').at(-1) ?? '';
  } catch {
    // The token is not a JWT. It is refused below.
  }
  throw invalidAccessToken();
}
