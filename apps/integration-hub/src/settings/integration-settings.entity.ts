import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { TenantSettings } from '#events';
import { BigIntColumn } from '#platform';

/** One version of a tenant's settings; versions are never changed. */
@Entity('integration_settings')
export class IntegrationSettingsEntity {
  @PrimaryColumn({ type: 'uuid' })
  tenantId!: string;

  @BigIntColumn({ primary: true })
  version!: number;

  @Column({ type: 'jsonb' })
  settings!: TenantSettings;

  /** Names of what differs from the version before. */
  @Column({ type: 'text', array: true })
  changed!: string[];

  @Column({ type: 'text' })
  changedBy!: string;

  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' })
  changedAt!: Date;
}
