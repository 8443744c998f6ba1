/**
 * Logins in progress. The state that travels through Okta contains the login itself, sealed, so that an anonymous request
 * stores nothing. A state is valid for one callback within ten minutes, from the same browser and to the same tenant.
 */
import { Inject, Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { CONFIG } from '#platform';
import type { AuthConfig } from '../config.js';
import { SpentTokens } from '../exchange/spent-tokens.js';
import { Sealer } from '../sessions/seal.js';

export interface LoginAttempt {
  readonly tenant: string;
  /** The issuer in the tenant's settings when the login began. */
  readonly issuer: string;
  readonly clientId: string;
  readonly nonce: string;
  readonly codeVerifier: string;
  readonly returnTo: string;
  readonly startedAt: Date;
}

interface SealedLogin extends Omit<LoginAttempt, 'tenant' | 'startedAt'> {
  /** Hash of the cookie of the browser that began the login. */
  readonly browser: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
}

export const LOGIN_SECONDS = 600;

@Injectable()
export class LoginStates {
  private readonly sealer: Sealer;

  constructor(
    private readonly spent: SpentTokens,
    @Inject(CONFIG) { SESSION_KEYS }: AuthConfig,
  ) {
    this.sealer = new Sealer(SESSION_KEYS);
  }

  /** Returns the state of the login. */
  begin(browser: string, { tenant, ...login }: Omit<LoginAttempt, 'startedAt'>): string {
    const sealed: SealedLogin = { ...login, browser: sha256(browser), startedAt: Date.now() };
    return this.sealer.seal(JSON.stringify(sealed), boundTo(tenant)).toString('base64url');
  }

  /**
   * Of several callbacks with the same state only one succeeds, over all replicas. If another browser sends the state,
   * the login stays valid for the browser that began it.
   */
  async take(
    tenant: string,
    state: string,
    browser: readonly string[],
  ): Promise<LoginAttempt | 'expired' | 'other_browser'> {
    const text = this.sealer.open(Buffer.from(state, 'base64url'), boundTo(tenant));
    if (text === null) return 'expired';
    const { browser: began, startedAt, ...login } = JSON.parse(text) as SealedLogin;
    const expiresAt = startedAt + LOGIN_SECONDS * 1_000;
    if (Date.now() >= expiresAt) return 'expired';
    if (!browser.some((value) => sha256(value) === began)) return 'other_browser';
    // The nonce identifies the login. Several spellings of a state can decode to the same bytes.
    const isFirst = await this.spent.spend('login', tenant, login.nonce, Math.ceil(expiresAt / 1_000));
    return isFirst ? { ...login, tenant, startedAt: new Date(startedAt) } : 'expired';
  }
}

/** Other sealed texts, and states of other tenants, cannot be opened as the state of a login. */
const boundTo = (tenant: string): string => `login:${tenant}`;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url');
