import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** A request to evaluate again one account, the members of one group, or all accounts of the tenant. */
@Entity('reevaluation')
export class ReevaluationEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', generatedIdentity: 'ALWAYS' }) id!: string;
  @Column({ type: 'uuid' }) tenant!: string;

  /** If this id is not null, only this account is evaluated. `groupId` then only records which group caused the evaluation. */
  @Column({ type: 'uuid', nullable: true }) userId!: string | null;
  @Column({ type: 'uuid', nullable: true }) groupId!: string | null;
  @Column({ type: 'text' }) cause!: string;
  @Column({ type: 'text' }) causationId!: string;
  @Column({ type: 'text', nullable: true }) traceparent!: string | null;
}
