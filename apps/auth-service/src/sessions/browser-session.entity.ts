import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('session')
export class BrowserSessionEntity {
  @PrimaryColumn({ type: 'uuid' }) id!: string;
  @Column({ type: 'uuid' }) tenant!: string;
  @Column({ type: 'uuid' }) accountId!: string;
  @Column({ type: 'text' }) oktaIssuer!: string;
  @Column({ type: 'text' }) oktaSub!: string;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) createdAt!: Date;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) lastUsedAt!: Date;
  @Column({ type: 'timestamptz' }) expiresAt!: Date;

  /** The sealed refresh token, see seal.ts. */
  @Column({ type: 'bytea' }) refreshToken!: Buffer;

  /** The sealed ID token, see seal.ts. */
  @Column({ type: 'bytea' }) idToken!: Buffer;
}

/**
 * A secret of a session, stored as a hash. Replaced secrets are kept. A session has at most one secret that is not
 * replaced.
 */
@Entity('session_secret')
export class SessionSecretEntity {
  @PrimaryColumn({ type: 'bytea' }) hash!: Buffer;
  @Column({ type: 'uuid' }) sessionId!: string;
  @Column({ type: 'timestamptz', nullable: true }) replacedAt!: Date | null;
}
