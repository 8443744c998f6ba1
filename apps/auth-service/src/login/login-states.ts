/**
 * Logins on their way. A state is 256 random bits, good for one callback within ten minutes, in the browser that began
 * it, at the tenant that it began at; the database keeps hashes of state and browser. One browser may have several.
 */
import { createHash } from 'node:crypto';
import { prepared, type Database, type Queryable } from '#platform';
import { random256, type LoginSecrets } from './hardened-strategy.js';

export interface NewLogin extends LoginSecrets {
  readonly tenant: string;
  /** As in the tenant's settings. */
  readonly issuer: string;
  readonly clientId: string;
  readonly returnTo: string;
}

export interface LoginAttempt extends NewLogin {
  readonly startedAt: Date;
}

const LIFETIME = `interval '10 minutes'`;
export const LOGIN_SECONDS = 600;

const beginSql = prepared(`
  insert into login (state_hash, browser_hash, tenant, issuer, client_id, nonce, code_verifier, return_to, expires_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp() + ${LIFETIME})`);
const takeSql = prepared(`
  delete from login where state_hash = $1 and browser_hash = any($2) and tenant = $3 and expires_at > clock_timestamp()
  returning tenant, issuer, client_id as "clientId", nonce, code_verifier as "codeVerifier", return_to as "returnTo",
            started_at as "startedAt"`);

export class LoginStates {
  constructor(private readonly database: Database) {}

  /** Answers the state. */
  async begin(browser: string, login: NewLogin): Promise<string> {
    const state = random256();
    const { tenant, issuer, clientId, nonce, codeVerifier, returnTo } = login;
    const values = [sha256(state), sha256(browser), tenant, issuer, clientId, nonce, codeVerifier, returnTo];
    await this.database.query(beginSql, values);
    return state;
  }

  /**
   * Takes the attempt out: of several callbacks with one state a single one gets it (the row lock of `delete`). Whoever
   * comes with the state but from another browser gets nothing and does not spoil the login of the right one.
   */
  async take(
    tenant: string,
    state: string,
    browser: readonly string[],
  ): Promise<LoginAttempt | 'expired' | 'other_browser'> {
    const values = [sha256(state), browser.map(sha256), tenant];
    const [attempt] = await this.database.query<LoginAttempt>(takeSql, values);
    if (attempt) return attempt;
    const rows = await this.database.query(
      'select 1 from login where state_hash = $1 and tenant = $2 and expires_at > clock_timestamp()',
      [sha256(state), tenant],
    );
    return rows.length > 0 ? 'other_browser' : 'expired';
  }
}

export async function sweepLogins(queryable: Queryable): Promise<void> {
  await queryable.query('delete from login where expires_at < clock_timestamp()');
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
