import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A login in progress. The state and the browser's cookie are stored as hashes only. */
@Entity('login')
export class LoginAttemptEntity {
  @PrimaryColumn({ type: 'bytea' }) stateHash!: Buffer;
  @Column({ type: 'bytea' }) browserHash!: Buffer;
  @Column({ type: 'uuid' }) tenant!: string;

  /** The issuer in the tenant's settings when the login began. */
  @Column({ type: 'text' }) issuer!: string;
  @Column({ type: 'text' }) clientId!: string;
  @Column({ type: 'text' }) nonce!: string;

  @Column({ type: 'text' }) codeVerifier!: string;
  @Column({ type: 'text' }) returnTo!: string;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) startedAt!: Date;
  @Column({ type: 'timestamptz' }) expiresAt!: Date;
}
