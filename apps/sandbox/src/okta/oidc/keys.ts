/**
 * The signing keys. Each key is generated at first use and survives a restart. The key `org-access` signs access tokens
 * of the org server. This key is never published, so that applications cannot validate these tokens (Okta, "Validate
 * access tokens").
 */
import { randomBytes } from 'node:crypto';
import { createLocalJWKSet, exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from 'jose';
import type { Database, Queryable } from '#platform';
import { serverIds, type ServerId } from './model.js';

export type KeySet = ServerId | 'org-access';

export interface SigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}
interface KeyRow {
  readonly kid: string;
  readonly private_jwk: JWK;
}

/** Generates a key. Okta's keys are RS256, and their `kid` has 43 characters. */
export async function newKey(): Promise<{ readonly kid: string; readonly jwk: JWK }> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const kid = randomBytes(32).toString('base64url');
  return { kid, jwk: { ...(await exportJWK(privateKey)), kid, alg: 'RS256', use: 'sig' } };
}

const publicPart = ({ kty, n, e, kid, alg, use }: JWK): JWK => ({ kty, alg, kid, use, e, n });

export async function signingKey(jwk: JWK, kid: string): Promise<SigningKey> {
  return { kid, privateKey: (await importJWK(jwk, 'RS256')) as CryptoKey, publicJwk: publicPart(jwk) };
}

export class KeyRing {
  constructor(private readonly database: Database) {}

  async current(keySet: KeySet): Promise<SigningKey> {
    const { kid, private_jwk } = (await this.find(keySet)) ?? (await this.first(keySet));
    return signingKey(private_jwk, kid);
  }

  /** The published keys, the newest first. A retired key stays published until it is removed. */
  async published(keySet: KeySet): Promise<{ keys: JWK[] }> {
    await this.current(keySet);
    const rows = await this.database.query<KeyRow>(
      'select kid, private_jwk from okta_oidc_key where key_set = $1 order by is_current desc, created_at desc',
      [keySet],
    );
    return { keys: rows.map((r) => publicPart(r.private_jwk)) };
  }

  async verifier(keySet: KeySet): Promise<ReturnType<typeof createLocalJWKSet>> {
    return createLocalJWKSet(await this.published(keySet));
  }

  /** Replaces the current keys. New tokens use the new keys at once, and the old keys remain published. */
  async rotate(servers: readonly ServerId[]): Promise<Record<string, string[]>> {
    for (const server of servers) {
      const key = await newKey();
      await this.database.tx(async (tx) => {
        await tx.query('update okta_oidc_key set is_current = false where key_set = $1 and is_current', [server]);
        await insert(tx, server, key);
      });
    }
    return this.kids();
  }

  /** Removes all retired keys. Tokens that they signed can no longer be verified. */
  async dropRetired(servers: readonly ServerId[]): Promise<Record<string, string[]>> {
    await this.database.query('delete from okta_oidc_key where key_set = any($1) and not is_current', [servers]);
    return this.kids();
  }

  /** Returns the ids of each server's published keys, the current one first. */
  async kids(): Promise<Record<string, string[]>> {
    const kids: Record<string, string[]> = {};
    for (const server of serverIds) kids[server] = (await this.published(server)).keys.map((k) => k.kid ?? '');
    return kids;
  }

  private async find(keySet: KeySet): Promise<KeyRow | undefined> {
    const [row] = await this.database.query<KeyRow>(
      'select kid, private_jwk from okta_oidc_key where key_set = $1 and is_current',
      [keySet],
    );
    return row;
  }

  /**
   * Generates the first key. If two requests do this at the same time, the unique index accepts one key, and both use
   * it.
   */
  private async first(keySet: KeySet): Promise<KeyRow> {
    await insert(this.database, keySet, await newKey());
    return (await this.find(keySet)) as KeyRow;
  }
}

async function insert(db: Queryable, keySet: KeySet, { kid, jwk }: Awaited<ReturnType<typeof newKey>>): Promise<void> {
  await db.query(
    `insert into okta_oidc_key (kid, key_set, private_jwk, is_current) values ($1, $2, $3, true)
     on conflict (key_set) where is_current do nothing`,
    [kid, keySet, JSON.stringify(jwk)],
  );
}
