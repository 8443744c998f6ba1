/** Allows each single-use token only once, across all replicas. */
import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { Database, prepared, type Queryable } from '#platform';

export type SpentKind = 'id_token' | 'client_assertion' | 'logout_token' | 'login';

@Entity('spent_token')
export class SpentTokenEntity {
  @PrimaryColumn({ type: 'bytea' }) hash!: Buffer;
  @Column({ type: 'timestamptz' }) expiresAt!: Date;
}

/** A row is kept this long after its token has expired. The time is longer than any verifier's clock tolerance. */
const MARGIN_SECONDS = 120;

const spendSql = prepared(
  `insert into spent_token (hash, expires_at) values ($1, to_timestamp($2::float8)) on conflict do nothing returning 1`,
);

@Injectable()
export class SpentTokens {
  constructor(private readonly database: Database) {}

  /**
   * Marks a token as used. Resolves with false if the token was used before. `owner` is the issuer within which `jti`
   * is unique, and `exp` is in seconds since 1970. With a `Tx`, the mark is stored at the commit. Until then, another
   * call for the same token waits.
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

  /** Allows the token once more, because its first use failed and had no effect. */
  async giveBack(kind: SpentKind, owner: string, jti: string): Promise<void> {
    await this.database.query('delete from spent_token where hash = $1', [hashOf(kind, owner, jti)]);
  }
}

export async function sweepSpentTokens(queryable: Queryable): Promise<void> {
  await queryable.query('delete from spent_token where expires_at < clock_timestamp()');
}

const hashOf = (...parts: string[]): Buffer => createHash('sha256').update(JSON.stringify(parts)).digest();
