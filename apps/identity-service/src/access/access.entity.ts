/** Copies of what deactivation-worker publishes: the access of accounts, and the offboarding cases. */
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Access, OffboardingCase } from '#events';
import { BigIntColumn } from '#platform';

/**
 * The published access of one account. It has a table of its own, because an event about access may arrive before the
 * directory's event that creates the account.
 */
@Entity('access')
export class AccessEntity {
  @PrimaryColumn({ type: 'uuid' }) accountId!: string;
  @Column({ type: 'uuid' }) tenant!: string;

  /** Sequence of the last `identity.access` event about the account. */
  @BigIntColumn() version!: number;
  @Column({ type: 'text' }) status!: Access['status'];

  /**
   * Causation id of the change that ended access or gave access back. If that change ended access, its case has the
   * same causation id.
   */
  @Column({ type: 'text' }) causationId!: string;
}

@Entity('offboarding_case')
export class OffboardingCaseEntity {
  @PrimaryColumn({ type: 'uuid' }) id!: string;
  @Column({ type: 'uuid' }) tenant!: string;
  @Column({ type: 'uuid' }) accountId!: string;

  /** Sequence of the last `offboarding.cases` event about the case. */
  @BigIntColumn() sequence!: number;
  @Column({ type: 'text' }) causationId!: string;

  /** The case as the newest event about it describes it. */
  @Column({ type: 'jsonb' }) details!: OffboardingCase;
}
