import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { PoolComparison, PoolComparisonProgress } from '#contracts';

/** One comparison of the whole user pool with the accounts; at most one row is `running`. */
@Entity('pool_comparison')
export class PoolComparisonEntity implements PoolComparison {
  @PrimaryColumn({ type: 'uuid' }) id!: string;

  /** The process that runs the comparison. */
  @Column({ type: 'uuid', select: false }) workerId!: string;
  @Column({ type: 'text' }) state!: PoolComparison['state'];
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) startedAt!: Date;
  @Column({ type: 'timestamptz', nullable: true }) finishedAt!: Date | null;
  @Column({ type: 'jsonb' }) progress!: PoolComparisonProgress;
  @Column({ type: 'text', nullable: true }) error!: string | null;
}
