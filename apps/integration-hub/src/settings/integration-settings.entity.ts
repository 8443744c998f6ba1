import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { TenantSettings } from '#events';
import { BigIntColumn } from '#platform';

/** One version of a tenant's settings. A stored version never changes. */
@Entity('integration_settings')
export class IntegrationSettingsEntity {
  @PrimaryColumn({ type: 'uuid' }) tenantId!: string;
  @BigIntColumn({ primary: true }) version!: number;
  @Column({ type: 'jsonb' }) settings!: TenantSettings;

  /** Names of the settings that differ from the previous version. */
  @Column({ type: 'text', array: true }) changed!: string[];
  @Column({ type: 'text' }) changedBy!: string;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) changedAt!: Date;
}
