import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** A request to evaluate again some accounts, the members of one group, or all accounts of the tenant. */
@Entity('reevaluation')
export class ReevaluationEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' }) id!: number;
  @Column({ type: 'uuid' }) tenant!: string;

  /** If not null, only these accounts are evaluated. `groupId` then only records which group caused the evaluation. */
  @Column({ type: 'uuid', array: true, nullable: true }) userIds!: string[] | null;
  @Column({ type: 'uuid', nullable: true }) groupId!: string | null;
  @Column({ type: 'text' }) cause!: string;
  @Column({ type: 'text' }) causationId!: string;
  @Column({ type: 'text', nullable: true }) traceparent!: string | null;
}
