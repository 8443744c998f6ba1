/**
 * Sessions of people in a browser. The cookie is a secret of 256 bits that the database knows by its hash; each refresh
 * replaces it. One that comes back after its replacement is either a tab that was a moment too late (it gets the same
 * successor) or a copy in other hands: then the whole session ends, for both.
 */
import { createHash } from 'node:crypto';
import type { Database, Queryable, Tx } from '#platform';
import { record } from '../audit.js';
import { random256 } from '../login/hardened-strategy.js';
import type { Sealer } from './seal.js';
import * as sql from './sessions.sql.js';

export interface SessionRules {
  readonly hours: number;
  readonly idleMinutes: number;
  /** Seconds that a replaced secret goes on being good, for tabs that refresh at the same time. */
  readonly graceSeconds: number;
}

/** A session that may be used now. */
export type Session = Omit<sql.SessionRow, 'expired' | 'reused' | 'hasAccess'>;

export interface NewSession {
  readonly id: string;
  readonly tenant: string;
  readonly accountId: string;
  readonly oktaIssuer: string;
  readonly oktaSub: string;
  readonly refreshToken: string;
  readonly idToken: string;
}

/** Longer chains than this within the grace are nobody's tabs. */
const MAX_STEPS = 10;

const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest();

export class Sessions {
  constructor(
    private readonly database: Database,
    private readonly sealer: Sealer,
    private readonly rules: SessionRules,
  ) {}

  /** Always a new secret, whatever cookie the browser came with (fixation). */
  async create(tx: Tx, session: NewSession): Promise<{ secret: string; expiresAt: Date }> {
    const secret = random256();
    const [row] = await tx.query<{ expiresAt: Date }>(sql.CREATE, [
      session.id,
      session.tenant,
      session.accountId,
      session.oktaIssuer,
      session.oktaSub,
      this.rules.hours,
      this.sealer.seal(session.refreshToken, `${session.id}:refresh`),
      this.sealer.seal(session.idToken, `${session.id}:id`),
    ]);
    await tx.query(sql.ADD_SECRET, [hashOf(secret), session.id]);
    return { secret, expiresAt: row?.expiresAt ?? new Date() };
  }

  /** Null = none, or none any more. */
  async find(tenant: string, secret: string): Promise<Session | null> {
    const row = await this.row(this.database, tenant, secret);
    if (!row) return null;
    if (await this.endIfOver(this.database, row)) return null;
    if (row.restedLong) await this.database.query(sql.TOUCH, [row.id]);
    return row;
  }

  /** The next secret of the session; the same one for all that come with the same old one in time. */
  async rotate(tenant: string, secret: string): Promise<{ session: Session; secret: string } | null> {
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

  /** False = it had ended already. The audit row commits with it. */
  async end(queryable: Queryable, id: string, event: 'session_ended' | 'session_reused' | 'logout', code: string) {
    const [ended] = await queryable.query<{ tenant: string; accountId: string }>(sql.END, [id]);
    if (ended) await record(queryable, { event, code, ...ended, sessionId: id });
    return ended !== undefined;
  }

  refreshTokenOf(session: Session): string | null {
    return this.sealer.open(session.refreshToken, `${session.id}:refresh`);
  }

  idTokenOf(session: Session): string | null {
    return this.sealer.open(session.idToken, `${session.id}:id`);
  }

  /** As it is now: another replica may have been given a new one. Null = the session is gone. */
  async currentRefreshToken(id: string): Promise<string | null> {
    const [row] = await this.database.query<Pick<sql.SessionRow, 'refreshToken'>>(sql.REFRESH_TOKEN, [id]);
    return row ? this.sealer.open(row.refreshToken, `${id}:refresh`) : null;
  }

  /** Cognito rotates refresh tokens where the app client says so. */
  async keepRefreshToken(id: string, refreshToken: string): Promise<void> {
    await this.database.query(sql.KEEP_REFRESH_TOKEN, [id, this.sealer.seal(refreshToken, `${id}:refresh`)]);
  }

  private async row(queryable: Queryable, tenant: string, secret: string): Promise<sql.SessionRow | undefined> {
    const { idleMinutes, graceSeconds } = this.rules;
    const values = [hashOf(secret), idleMinutes, graceSeconds, tenant];
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

  /** From a secret that was just replaced to the current one. */
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
