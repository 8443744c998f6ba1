import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { HeldBecause } from '#contracts';
import type { CaseState } from '#contracts';

/** One offboarding of one person. The times of its steps are the evidence. */
@Entity('offboarding_case')
export class CaseEntity {
  @PrimaryColumn({ type: 'uuid', default: () => 'uuidv7()' }) id!: string;
  @Column({ type: 'uuid' }) tenant!: string;
  @Column({ type: 'uuid' }) accountId!: string;
  @Column({ type: 'text', default: 'new' }) state!: CaseState;

  /** e.g. `user.deactivated`, `okta.suspended` */
  @Column({ type: 'text' }) cause!: string;
  @Column({ type: 'text' }) causationId!: string;
  @Column({ type: 'text', nullable: true }) traceparent!: string | null;

  /** Whether the case counts against the brake: the person had access, and nobody released the case. */
  @Column({ type: 'boolean', default: false }) counts!: boolean;
  @Column({ type: 'text', nullable: true }) heldBecause!: HeldBecause | null;

  /** Time at which the timer releases the held case. */
  @Column({ type: 'timestamptz', nullable: true }) heldUntil!: Date | null;
  @Column({ type: 'text', nullable: true }) releasedBy!: string | null;
  @Column({ type: 'timestamptz' }) pushedAt!: Date;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) receivedAt!: Date;

  /** Time at which the brake held the case. The fence of a held case has the same time. */
  @Column({ type: 'timestamptz', nullable: true }) heldAt!: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) heldSignedOutAt!: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) heldSessionsEndedAt!: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) releasedAt!: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) fencedAt!: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) disabledAt!: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) signedOutAt!: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) sessionsEndedAt!: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) confirmedAt!: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) firstRefusedAt!: Date | null;
  @Column({ type: 'text', nullable: true }) firstRefusedBy!: string | null;
  @Column({ type: 'timestamptz', nullable: true }) endedAt!: Date | null;
}
