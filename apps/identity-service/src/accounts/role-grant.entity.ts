import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';
import { BigIntColumn } from '#platform';

/** One grant of a role. The role is in effect while `revokedAt` is null. */
@Entity('role_grant')
export class RoleGrantEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' }) id!: string;
  @Column({ type: 'uuid' }) tenant!: string;
  @Column({ type: 'uuid' }) accountId!: string;
  @Column({ type: 'text' }) role!: string;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) grantedAt!: Date;
  @Column({ type: 'text' }) grantedCause!: string;
  @Column({ type: 'uuid', nullable: true }) grantedGroup!: string | null;
  @Column({ type: 'text' }) grantedCausationId!: string;
  @BigIntColumn({ nullable: true }) grantedMappingVersion!: number | null;
  @Column({ type: 'timestamptz', nullable: true }) revokedAt!: Date | null;
  @Column({ type: 'text', nullable: true }) revokedCause!: string | null;
  @Column({ type: 'uuid', nullable: true }) revokedGroup!: string | null;
  @Column({ type: 'text', nullable: true }) revokedCausationId!: string | null;
  @BigIntColumn({ nullable: true }) revokedMappingVersion!: number | null;
}
