import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import type { AuditAction } from '#contracts';

@Entity('admin_audit')
export class AdminAuditEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' }) id!: string;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) at!: Date;
  @Column({ type: 'text' }) by!: string;
  @Column({ type: 'text' }) action!: AuditAction;
  @Column({ type: 'uuid' }) tenantId!: string;

  @Column({ type: 'jsonb' })
  detail!: { readonly version: number; readonly changed: string[] } & Readonly<Record<string, unknown>>;
}
