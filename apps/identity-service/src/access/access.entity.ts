import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Access, OffboardingCase } from '#events';
import { BigIntColumn } from '#platform';

/** The published access of one account. Its event may arrive before the event that creates the account here. */
@Entity('access')
export class AccessEntity {
  @PrimaryColumn({ type: 'uuid' }) accountId!: string;
  @Column({ type: 'uuid' }) tenant!: string;

  /** Sequence number of the last `identity.access` event about the account. */
  @BigIntColumn() version!: number;
  @Column({ type: 'text' }) status!: Access['status'];

  /** Causation id of the change that ended or restored access. The case of ended access has the same causation id. */
  @Column({ type: 'text' }) causationId!: string;
}

@Entity('offboarding_case')
export class OffboardingCaseEntity {
  @PrimaryColumn({ type: 'uuid' }) id!: string;
  @Column({ type: 'uuid' }) tenant!: string;
  @Column({ type: 'uuid' }) accountId!: string;

  /** Sequence number of the last `offboarding.cases` event about the case. */
  @BigIntColumn() sequence!: number;
  @Column({ type: 'text' }) causationId!: string;

  /** The newest published state of the case. */
  @Column({ type: 'jsonb' }) details!: OffboardingCase;
}
