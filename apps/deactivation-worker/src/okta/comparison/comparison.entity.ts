import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { OktaComparisonCause, OktaComparisonProgress, OktaComparisonState } from '#contracts';

@Entity('okta_comparison')
export class OktaComparisonEntity {
  @PrimaryColumn({ type: 'uuid' }) id!: string;
  @Column({ type: 'uuid' }) tenant!: string;
  @Column({ type: 'text' }) cause!: OktaComparisonCause;
  @Column({ type: 'text', default: 'running' }) state!: OktaComparisonState;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) startedAt!: Date;

  /** Time of the last heartbeat of the process that runs the comparison. */
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) seenAt!: Date;
  @Column({ type: 'timestamptz', nullable: true }) finishedAt!: Date | null;
  @Column({ type: 'jsonb' }) progress!: OktaComparisonProgress;
  @Column({ type: 'int', default: 0 }) checked!: number;
  @Column({ type: 'int', default: 0 }) changed!: number;
  @Column({ type: 'text', nullable: true }) error!: string | null;
  @Column({ type: 'text', nullable: true }) errorCode!: string | null;
}
