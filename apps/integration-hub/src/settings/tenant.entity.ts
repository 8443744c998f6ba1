import { Column, Entity, PrimaryColumn } from 'typeorm';
import { BigIntColumn } from '#platform';

@Entity('tenant')
export class TenantEntity {
  @PrimaryColumn({ type: 'uuid' }) id!: string;
  @Column({ type: 'text' }) slug!: string;
  @Column({ type: 'text', nullable: true }) host!: string | null;

  @BigIntColumn() settingsVersion!: number;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) createdAt!: Date;
}
