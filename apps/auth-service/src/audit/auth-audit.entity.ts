import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import type { AuditEvent } from '#contracts';

/** A row of the audit. Triggers of the table refuse any update, and the deletion of recent rows. */
@Entity('audit')
export class AuthAuditEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' }) id!: string;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) at!: Date;
  @Column({ type: 'uuid', nullable: true }) tenant!: string | null;
  @Column({ type: 'text' }) event!: AuditEvent;
  @Column({ type: 'text', nullable: true }) code!: string | null;
  @Column({ type: 'uuid', nullable: true }) accountId!: string | null;
  @Column({ type: 'uuid', nullable: true }) sessionId!: string | null;
  @Column({ type: 'jsonb', default: {} }) detail!: Readonly<Record<string, unknown>>;
}
