/** Copies of what deactivation-worker publishes: who has access, and the cases behind it. */
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Access, OffboardingCase } from '#events';
import { BigIntColumn } from '#platform';

/** Not columns of the account: an event about access may arrive before the directory's event about the person. */
@Entity('access')
export class AccessEntity {
  @PrimaryColumn({ type: 'uuid' })
  accountId!: string;

  @Column({ type: 'uuid' })
  tenant!: string;

  /** Sequence of `identity.access`. */
  @BigIntColumn()
  version!: number;

  @Column({ type: 'text' })
  status!: Access['status'];

  /** The cause that took access away or gave it back; a case has the same causation id. */
  @Column({ type: 'text' })
  causationId!: string;
}

@Entity('offboarding_case')
export class OffboardingCaseEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'uuid' })
  tenant!: string;

  @Column({ type: 'uuid' })
  accountId!: string;

  /** Sequence of `offboarding.cases`. */
  @BigIntColumn()
  sequence!: number;

  @Column({ type: 'text' })
  causationId!: string;

  /** As the newest event about the case says. */
  @Column({ type: 'jsonb' })
  details!: OffboardingCase;
}
