/**
 * Short-lived values that are valid once: sign-in pages, codes, and ids of client assertions. Pages and codes are
 * stored as hashes.
 */
import type { Database } from '#platform';
import { hashOf, randomSecret, type AuthorizationRequest, type CodeGrant } from './model.js';

const SIGN_IN_SECONDS = 3_600;
/** Okta: "the code is valid for 60 seconds". */
const CODE_SECONDS = 60;

export class Pending {
  constructor(private readonly database: Database) {}

  /** Stores an authorization request. Returns the state token of its sign-in page. */
  async openSignIn(clientId: string, request: AuthorizationRequest): Promise<string> {
    const token = randomSecret();
    await this.database.query('delete from okta_oidc_sign_in where expires_at < now()');
    await this.database.query(
      `insert into okta_oidc_sign_in (hash, client_id, request, expires_at) values ($1, $2, $3, now() + $4 * interval '1 second')`,
      [hashOf(token), clientId, JSON.stringify(request), SIGN_IN_SECONDS],
    );
    return token;
  }

  async signIn(token: string): Promise<{ clientId: string; request: AuthorizationRequest } | undefined> {
    const [row] = await this.database.query<{ clientId: string; request: AuthorizationRequest }>(
      `select client_id as "clientId", request from okta_oidc_sign_in where hash = $1 and expires_at > now()`,
      [hashOf(token)],
    );
    return row;
  }

  /** Closes a sign-in page, which works only once. Returns false if a concurrent request closed it first. */
  async closeSignIn(token: string): Promise<boolean> {
    const rows = await this.database.query('delete from okta_oidc_sign_in where hash = $1 returning 1', [
      hashOf(token),
    ]);
    return rows.length > 0;
  }

  async issueCode(clientId: string, granted: CodeGrant): Promise<string> {
    const code = randomSecret();
    await this.database.query('delete from okta_oidc_code where expires_at < now()');
    await this.database.query(
      `insert into okta_oidc_code (hash, client_id, granted, expires_at) values ($1, $2, $3, now() + $4 * interval '1 second')`,
      [hashOf(code), clientId, JSON.stringify(granted), CODE_SECONDS],
    );
    return code;
  }

  /**
   * Redeems a code in one statement, so that only one of two concurrent calls gets the grant. An attempt by another
   * client does not use up the code.
   */
  async redeemCode(clientId: string, code: string): Promise<CodeGrant | undefined> {
    const [row] = await this.database.query<{ granted: CodeGrant; valid: boolean }>(
      'delete from okta_oidc_code where hash = $1 and client_id = $2 returning granted, expires_at > now() as valid',
      [hashOf(code), clientId],
    );
    return row?.valid ? row.granted : undefined;
  }

  /**
   * Marks a token id as used or revoked until `expires` (seconds since the epoch). Returns false if it was marked
   * before.
   */
  async spend(jti: string, expires: number): Promise<boolean> {
    await this.database.query('delete from okta_oidc_spent where expires_at < now()');
    const rows = await this.database.query(
      'insert into okta_oidc_spent (jti, expires_at) values ($1, to_timestamp($2)) on conflict do nothing returning 1',
      [jti, expires],
    );
    return rows.length > 0;
  }

  async isSpent(jti: string): Promise<boolean> {
    return (await this.database.query('select 1 from okta_oidc_spent where jti = $1', [jti])).length > 0;
  }
}
