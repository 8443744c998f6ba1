import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Account } from '#events';
import { BigIntColumn } from '#platform';
import { Profile } from '../directory/profile.entity.js';

export type AccountStatus = Account['status'];

/** One user in the pool, with only the attributes and groups that this service owns. */
export interface PoolState {
  readonly exists: boolean;
  /** Whether a permanent password is set. The user's status is then CONFIRMED. */
  readonly confirmed: boolean;
  readonly attributes: Readonly<Record<string, string>>;
  /** The user's groups that are roles. This service does not own other groups in the pool. */
  readonly groups: readonly string[];
}

/**
 * An account is dirty while `desiredRevision` is above `appliedRevision`: Cognito does not have its last change yet.
 */
@Entity('account')
export class AccountEntity extends Profile {
  @PrimaryColumn({ type: 'uuid' }) id!: string;
  @Column({ type: 'uuid' }) tenant!: string;
  @Column({ type: 'text', default: 'inactive' }) status!: AccountStatus;

  /** The roles that the groups give, strongest first. They are in effect only while the account is active. */
  @Column({ type: 'text', array: true, default: '{}' }) assignedRoles!: readonly string[];

  /** The roles in effect, strongest first. */
  @Column({ type: 'text', array: true, default: '{}' }) roles!: readonly string[];

  /** Sequence number of the last event on `identity.accounts`. */
  @BigIntColumn({ default: 0 }) version!: number;

  /**
   * The status that was published last. Null means that nothing was published, because Cognito does not have the user
   * yet.
   */
  @Column({ type: 'text', nullable: true }) announcedStatus!: AccountStatus | null;

  /** Sequence number of the last completed case that an event of this account contained. */
  @BigIntColumn({ default: 0 }) announcedCase!: number;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) createdAt!: Date;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) updatedAt!: Date;

  /** Time at which Cognito had the user for the first time and `account.provisioned` was published. */
  @Column({ type: 'timestamptz', nullable: true }) provisionedAt!: Date | null;

  /** Time at which the person was erased. The Cognito user is then deleted, and only ids and versions remain here. */
  @Column({ type: 'timestamptz', nullable: true }) erasedAt!: Date | null;
  @BigIntColumn({ default: 0 }) desiredRevision!: number;
  @BigIntColumn({ default: 0 }) appliedRevision!: number;

  /** Revision at which the state in Cognito became unknown. `applied` ignores results for earlier revisions. */
  @BigIntColumn({ default: 0 }) unknownRevision!: number;

  /** The last known state in Cognito. Null means unknown: Cognito must be read before anything is changed. */
  @Column({ type: 'jsonb', nullable: true, default: { exists: false } }) applied!: Partial<PoolState> | null;

  /** A value of `PRIORITY`. The reconciler works on the lowest value first. */
  @Column({ type: 'smallint', default: 1 }) priority!: number;
  @Column({ type: 'timestamptz', nullable: true }) dirtySince!: Date | null;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) nextAttemptAt!: Date;
  @Column({ type: 'int', default: 0 }) attempts!: number;
  @Column({ type: 'text', nullable: true }) lastError!: string | null;
  @Column({ type: 'text', nullable: true }) lastErrorClass!: string | null;

  /** The process that has leased the account. The lease is valid while this process renews its row in `worker`. */
  @Column({ type: 'uuid', nullable: true }) leaseOwner!: string | null;

  /** Causation id of the last change. Later events that this change causes have the same id. */
  @Column({ type: 'text', default: 'unknown' }) causationId!: string;
  @Column({ type: 'text', nullable: true }) traceparent!: string | null;
  @Column({ type: 'timestamptz', nullable: true }) syncedAt!: Date | null;
}
