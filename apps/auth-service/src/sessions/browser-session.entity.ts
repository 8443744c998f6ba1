import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('session')
export class BrowserSessionEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'uuid' })
  tenant!: string;

  @Column({ type: 'uuid' })
  accountId!: string;

  @Column({ type: 'text' })
  oktaIssuer!: string;

  @Column({ type: 'text' })
  oktaSub!: string;

  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' })
  createdAt!: Date;

  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' })
  lastUsedAt!: Date;

  @Column({ type: 'timestamptz' })
  expiresAt!: Date;

  /** Sealed, see seal.ts. */
  @Column({ type: 'bytea' })
  refreshToken!: Buffer;

  /** Sealed, see seal.ts. */
  @Column({ type: 'bytea' })
  idToken!: Buffer;
}

/** All secrets that a session ever had, as hashes. At most one of a session is not replaced. */
@Entity('session_secret')
export class SessionSecretEntity {
  @PrimaryColumn({ type: 'bytea' })
  hash!: Buffer;

  @Column({ type: 'uuid' })
  sessionId!: string;

  @Column({ type: 'timestamptz', nullable: true })
  replacedAt!: Date | null;
}
