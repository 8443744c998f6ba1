/**
 * The sessions of people in browsers. The cookie contains a secret, and the database only its hash. Each refresh
 * replaces the secret. Within a grace period, a tab with the old secret gets the same new secret. Afterwards the old
 * secret counts as stolen, and the whole session ends.
 */
import { Inject, Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { CONFIG, Database, type Queryable, type Tx } from '#platform';
import { record } from '../audit/audit.js';
import type { AuthConfig } from '../config.js';
import { random256 } from '../http/cookies.js';
import * as sql from './browser-sessions.sql.js';
import { Sealer } from './seal.js';

/** A session that may be used now. `replaced` means that the browser sent a secret which already has a successor. */
export type BrowserSession = sql.SessionFields & Pick<sql.SessionRow, 'replaced'>;

export interface NewSession extends Pick<BrowserSession, 'id' | 'tenant' | 'accountId' | 'oktaIssuer' | 'oktaSub'> {
  readonly refreshToken: string;
  readonly idToken: string;
}

/** Grace period of a replaced secret, for tabs that refresh at the same time. */
const GRACE_SECONDS = 30;
/** A replaced secret works within its grace period only if it has at most this many successors. */
const MAX_STEPS = 10;

const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

@Injectable()
export class BrowserSessions {
  private readonly sealer: Sealer;

  constructor(
    private readonly database: Database,
    @Inject(CONFIG)
    private readonly config: Pick<AuthConfig, 'SESSION_KEYS' | 'SESSION_HOURS' | 'SESSION_IDLE_MINUTES'>,
  ) {
    this.sealer = new Sealer(config.SESSION_KEYS);
  }

  /** Always makes a new secret, whatever cookie the browser sent, to prevent session fixation. */
  async create(tx: Tx, session: NewSession): Promise<{ secret: string; expiresAt: Date }> {
    const secret = random256();
    const [row] = await tx.query<{ expiresAt: Date }>(sql.CREATE, [
      session.id,
      session.tenant,
      session.accountId,
      session.oktaIssuer,
      session.oktaSub,
      this.config.SESSION_HOURS,
      this.sealer.seal(session.refreshToken, `${session.id}:refresh`),
      this.sealer.seal(session.idToken, `${session.id}:id`),
    ]);
    await tx.query(sql.ADD_SECRET, [hashOf(secret), session.id]);
    return { secret, expiresAt: row?.expiresAt ?? new Date() };
  }

  /** Returns null if there is no such session or it has ended. */
  async find(tenant: string, secret: string): Promise<BrowserSession | null> {
    const row = await this.row(this.database, tenant, secret);
    if (!row || (await this.endIfOver(this.database, row))) return null;
    if (row.unusedForAMinute) await this.database.query(sql.TOUCH, [row.id]);
    return row;
  }

  /** Returns the next secret of the session. All callers with the same old secret get the same next secret. */
  async rotate(tenant: string, secret: string): Promise<{ session: BrowserSession; secret: string } | null> {
    return this.database.tx(async (tx) => {
      await tx.query(sql.LOCK, [hashOf(secret)]);
      const row = await this.row(tx, tenant, secret);
      if (!row || (await this.endIfOver(tx, row))) return null;
      const next = row.replaced ? await this.follow(tx, row.id, secret) : await this.replace(tx, row.id, secret);
      if (next === null) {
        await this.end(tx, row.id, 'session_reused', 'chain_broken');
        return null;
      }
      await tx.query(sql.TOUCH, [row.id]);
      return { session: row, secret: next };
    });
  }

  /** Ends a session and writes its audit row. Does nothing if the session has already ended. */
  async end(
    queryable: Queryable,
    id: string,
    event: 'session_ended' | 'session_reused' | 'logout',
    code: string,
  ): Promise<void> {
    const [ended] = await queryable.query<{ tenant: string; accountId: string }>(sql.END, [id]);
    if (ended) await record(queryable, { event, code, ...ended, sessionId: id });
  }

  refreshTokenOf(session: BrowserSession): string | null {
    return this.sealer.open(session.refreshToken, `${session.id}:refresh`);
  }

  idTokenOf(session: BrowserSession): string | null {
    return this.sealer.open(session.idToken, `${session.id}:id`);
  }

  /**
   * Reads the token again, because another replica may have stored a newer one. Null means that the session has ended.
   */
  async currentRefreshToken(id: string): Promise<string | null> {
    const [row] = await this.database.query<Pick<sql.SessionRow, 'refreshToken'>>(sql.REFRESH_TOKEN, [id]);
    return row ? this.sealer.open(row.refreshToken, `${id}:refresh`) : null;
  }

  /** Stores a new refresh token. Cognito rotates refresh tokens if the app client is configured so. */
  async keepRefreshToken(id: string, refreshToken: string): Promise<void> {
    await this.database.query(sql.KEEP_REFRESH_TOKEN, [id, this.sealer.seal(refreshToken, `${id}:refresh`)]);
  }

  private async row(queryable: Queryable, tenant: string, secret: string): Promise<sql.SessionRow | undefined> {
    const values = [hashOf(secret), this.config.SESSION_IDLE_MINUTES, GRACE_SECONDS, tenant];
    const [row] = await queryable.query<sql.SessionRow>(sql.FIND, values);
    return row;
  }

  private async endIfOver(queryable: Queryable, row: sql.SessionRow): Promise<boolean> {
    if (row.reused) await this.end(queryable, row.id, 'session_reused', 'secret_reused');
    else if (row.expired) await this.end(queryable, row.id, 'session_ended', 'expired');
    else if (!row.hasAccess) await this.end(queryable, row.id, 'session_ended', 'access_gone');
    else return false;
    return true;
  }

  private async replace(tx: Tx, id: string, secret: string): Promise<string | null> {
    const [next] = this.sealer.successors(secret);
    if (next === undefined) return null;
    await tx.query(sql.REPLACE, [hashOf(secret)]);
    await tx.query(sql.ADD_SECRET, [hashOf(next), id]);
    return next;
  }

  /** Follows the chain from a replaced secret to the current one. Returns null if the chain is broken. */
  private async follow(tx: Tx, id: string, from: string): Promise<string | null> {
    let secret = from;
    for (let step = 0; step < MAX_STEPS; step++) {
      const next = this.sealer.successors(secret).map((candidate) => ({ candidate, hash: hashOf(candidate) }));
      const rows = await tx.query<{ hash: Buffer; current: boolean }>(sql.WHICH_SECRET, [id, next.map((n) => n.hash)]);
      const [row] = rows;
      const found = row && next.find((n) => n.hash.equals(row.hash))?.candidate;
      if (!row || found === undefined) return null;
      if (row.current) return found;
      secret = found;
    }
    return null;
  }
}
