import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One person whose state must be read from Okta. A person has one row, however many events of event hooks arrive. */
@Entity('okta_check')
export class OktaCheckEntity {
  @PrimaryColumn({ type: 'uuid' }) tenant!: string;

  /** The person's Okta user id. */
  @PrimaryColumn({ type: 'text' }) userId!: string;
  @Column({ type: 'text' }) causationId!: string;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) pushedAt!: Date;

  /**
   * Causation id of the first event that arrived after the claim. Okta's response may be older than this event, so the
   * person is checked again.
   */
  @Column({ type: 'text', nullable: true }) newerCausationId!: string | null;
  @Column({ type: 'timestamptz', nullable: true }) newerAt!: Date | null;
  @Column({ type: 'uuid', nullable: true }) newerRun!: string | null;
  @Column({ type: 'boolean', default: false }) newerAssignment!: boolean;

  /** Id of the comparison that added this check; null if no comparison added it. */
  @Column({ type: 'uuid', nullable: true }) run!: string | null;

  /** Whether a held case added this check. Such checks come last. */
  @Column({ type: 'boolean', default: false }) held!: boolean;
  /** Whether the check also reads the person's assignment to our app. */
  @Column({ type: 'boolean', default: false }) assignment!: boolean;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) dueAt!: Date;
  @Column({ type: 'uuid', nullable: true }) claim!: string | null;
  @Column({ type: 'uuid', nullable: true }) leaseOwner!: string | null;
  @Column({ type: 'int', default: 0 }) attempts!: number;
  @Column({ type: 'text', nullable: true }) lastError!: string | null;
  @Column({ type: 'text', nullable: true }) lastErrorCode!: string | null;
}
