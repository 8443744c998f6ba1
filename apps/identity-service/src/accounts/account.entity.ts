/** One row per account: its published state, the state that Cognito should hold, and the last known state there. */
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Account } from '#events';
import { BigIntColumn } from '#platform';
import { Profile } from '../directory/profile.entity.js';

export type AccountStatus = Account['status'];

/** One user in the pool, with the attributes and groups that are ours. */
export interface PoolState {
  readonly exists: boolean;
  /** A permanent password is set, so the status is CONFIRMED. */
  readonly confirmed: boolean;
  readonly attributes: Readonly<Record<string, string>>;
  /** Groups that are roles; other groups in the pool are not ours. */
  readonly groups: readonly string[];
}

/** An account is dirty, i.e. waits for Cognito, while `desiredRevision` is above `appliedRevision`. */
@Entity('account')
export class AccountEntity extends Profile {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'uuid' })
  tenant!: string;

  @Column({ type: 'text', default: 'inactive' })
  status!: AccountStatus;

  /** The roles that the groups give, strongest first; in effect only while the account is active. */
  @Column({ type: 'text', array: true, default: '{}' })
  assignedRoles!: readonly string[];

  /** In effect, strongest first. */
  @Column({ type: 'text', array: true, default: '{}' })
  roles!: readonly string[];

  /** Sequence of the last event on `identity.accounts`. */
  @BigIntColumn({ default: 0 })
  version!: number;

  /** The status that was published last; null = the account was not provisioned, so nothing was published. */
  @Column({ type: 'text', nullable: true })
  announcedStatus!: AccountStatus | null;

  /** Sequence of the last completed case that was published. */
  @BigIntColumn({ default: 0 })
  announcedCase!: number;

  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' })
  createdAt!: Date;

  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' })
  updatedAt!: Date;

  /** When Cognito had the user for the first time and `account.provisioned` was published. */
  @Column({ type: 'timestamptz', nullable: true })
  provisionedAt!: Date | null;

  @BigIntColumn({ default: 0 })
  desiredRevision!: number;

  @BigIntColumn({ default: 0 })
  appliedRevision!: number;

  /** A result for an older revision is recorded, but leaves Cognito's state unknown. */
  @BigIntColumn({ default: 0 })
  unknownRevision!: number;

  /** Null = unknown: read Cognito before changing anything. */
  @Column({ type: 'jsonb', nullable: true, default: { exists: false } })
  applied!: Partial<PoolState> | null;

  /** See `PRIORITY`. */
  @Column({ type: 'smallint', default: 1 })
  priority!: number;

  @Column({ type: 'timestamptz', nullable: true })
  dirtySince!: Date | null;

  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' })
  nextAttemptAt!: Date;

  @Column({ type: 'int', default: 0 })
  attempts!: number;

  @Column({ type: 'text', nullable: true })
  lastError!: string | null;

  @Column({ type: 'text', nullable: true })
  lastErrorClass!: string | null;

  /** The process that works on the account, while its row in `worker` is fresh. */
  @Column({ type: 'uuid', nullable: true })
  leaseOwner!: string | null;

  /** Of the change that made the account dirty last; later events about it carry the same id. */
  @Column({ type: 'text', default: 'unknown' })
  causationId!: string;

  @Column({ type: 'text', nullable: true })
  traceparent!: string | null;

  @Column({ type: 'timestamptz', nullable: true })
  syncedAt!: Date | null;
}
