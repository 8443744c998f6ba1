import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { HeldBecause } from '#contracts';

/** The account keeps the roles in `wouldLose` until the loss is released or undone. */
@Entity('held_role_loss')
export class HeldRoleLossEntity {
  @PrimaryColumn({ type: 'uuid' }) accountId!: string;
  @Column({ type: 'uuid' }) tenant!: string;
  @Column({ type: 'text', array: true }) wouldLose!: string[];
  @Column({ type: 'text' }) heldBecause!: HeldBecause;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) heldAt!: Date;

  /** Time at which the timer releases the loss. */
  @Column({ type: 'timestamptz' }) heldUntil!: Date;

  /** The cause of the loss. The revocation records this cause when the loss happens. */
  @Column({ type: 'text' }) cause!: string;
  @Column({ type: 'uuid', nullable: true }) causeGroup!: string | null;
  @Column({ type: 'text' }) causationId!: string;

  /** Null means that the loss is still held. After a release, a re-evaluation applies the loss and deletes this row. */
  @Column({ type: 'timestamptz', nullable: true }) releasedAt!: Date | null;
  @Column({ type: 'text', nullable: true }) releasedBy!: string | null;
}
