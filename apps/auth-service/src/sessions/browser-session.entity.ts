import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The tokens are encrypted, see seal.ts. */
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

  @Column({ type: 'bytea' }) refreshToken!: Buffer;

  @Column({ type: 'bytea' }) idToken!: Buffer;
}

/** Replaced secrets are kept. A session has at most one current secret, whose `replacedAt` is null. */
@Entity('session_secret')
export class SessionSecretEntity {
  @PrimaryColumn({ type: 'bytea' }) hash!: Buffer;
  @Column({ type: 'uuid' }) sessionId!: string;
  @Column({ type: 'timestamptz', nullable: true }) replacedAt!: Date | null;
}
