/**
 * Logins in progress. A state consists of 256 random bits and is valid for one callback within ten minutes, from the
 * same browser and to the same tenant.
 */
import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { columnsOf, Database, prepared, type Queryable } from '#platform';
import { random256 } from '../http/cookies.js';
import { LoginAttemptEntity } from './login-attempt.entity.js';

export type LoginAttempt = Omit<LoginAttemptEntity, 'stateHash' | 'browserHash' | 'expiresAt'>;

export const LOGIN_SECONDS = 600;

const beginSql = prepared(`
  insert into login (state_hash, browser_hash, tenant, issuer, client_id, nonce, code_verifier, return_to, expires_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp() + interval '${LOGIN_SECONDS} seconds')`);
const takeSql = prepared(`
  delete from login where state_hash = $1 and browser_hash = any($2) and tenant = $3 and expires_at > clock_timestamp()
  returning ${columnsOf(LoginAttemptEntity, { only: ['tenant', 'issuer', 'clientId', 'nonce', 'codeVerifier', 'returnTo', 'startedAt'] })}`);

@Injectable()
export class LoginStates {
  constructor(private readonly database: Database) {}

  /** Stores the login and returns its state. */
  async begin(browser: string, login: Omit<LoginAttempt, 'startedAt'>): Promise<string> {
    const state = random256();
    const { tenant, issuer, clientId, nonce, codeVerifier, returnTo } = login;
    const values = [sha256(state), sha256(browser), tenant, issuer, clientId, nonce, codeVerifier, returnTo];
    await this.database.query(beginSql, values);
    return state;
  }

  /**
   * Because `delete` locks the row, only one of several callbacks with the same state succeeds. If another browser
   * sends the state, the login stays valid for the browser that began it.
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
