/** Tokens that count once. Postgres decides between replicas; a row outlives its token by the clock tolerance. */
import { createHash } from 'node:crypto';
import { prepared, type Database, type Queryable } from '#platform';

export type SpentKind = 'id_token' | 'client_assertion' | 'logout_token';

/** More than any verifier's clock tolerance: what is swept has to be refused as expired. */
const MARGIN_SECONDS = 120;

const spendSql = prepared(
  `insert into spent (hash, expires_at) values ($1, to_timestamp($2::float8)) on conflict do nothing returning 1`,
);

export class SpentTokens {
  constructor(private readonly database: Database) {}

  /**
   * False = it was spent before. `owner`: within whom a `jti` is unique; `exp` in seconds since 1970. With a `Tx` it is
   * spent if what it was spent for commits; another one with the same token waits for that.
   */
  async spend(
    kind: SpentKind,
    owner: string,
    jti: string,
    exp: number,
    queryable: Queryable = this.database,
  ): Promise<boolean> {
    const rows = await queryable.query(spendSql, [hashOf(kind, owner, jti), exp + MARGIN_SECONDS]);
    return rows.length > 0;
  }

  /** Nothing came of it and nothing will: the same token may be sent again. */
  async giveBack(kind: SpentKind, owner: string, jti: string): Promise<void> {
    await this.database.query('delete from spent where hash = $1', [hashOf(kind, owner, jti)]);
  }
}

export async function sweepSpent(queryable: Queryable): Promise<void> {
  await queryable.query('delete from spent where expires_at < clock_timestamp()');
}

const hashOf = (...parts: string[]): Buffer => createHash('sha256').update(JSON.stringify(parts)).digest();
