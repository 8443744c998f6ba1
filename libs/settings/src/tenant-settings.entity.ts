import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { TenantSettings } from '#events';
import { BigIntColumn } from '#platform';

/** A service's copy of a tenant's settings. Each consuming service has this table in its own schema. */
@Entity('tenant_settings')
export class TenantSettingsEntity {
  @PrimaryColumn({ type: 'uuid' }) tenantId!: string;
  @Column({ type: 'text' }) slug!: string;
  @Column({ type: 'text', nullable: true }) host!: string | null;

  /** The `sequence` of the settings' event. */
  @BigIntColumn() version!: number;
  @Column({ type: 'jsonb' }) settings!: TenantSettings;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) receivedAt!: Date;
}
