import { Column, Entity, PrimaryColumn } from 'typeorm';
import { BigIntColumn } from '#platform';

@Entity('account')
export class AccountCopyEntity {
  @PrimaryColumn({ type: 'uuid' }) id!: string;
  @Column({ type: 'uuid' }) tenant!: string;

  /** Version of the account. 0 means that no event about the account has arrived. */
  @BigIntColumn({ default: 0 }) version!: number;
  @Column({ type: 'text', nullable: true }) externalId!: string | null;
  @Column({ type: 'text', nullable: true }) userName!: string | null;
  @Column({ type: 'text', nullable: true }) email!: string | null;
  @Column({ type: 'text', nullable: true }) displayName!: string | null;
  @Column({ type: 'text', nullable: true }) accountStatus!: string | null;

  /** Version of the access. 0 means that no event about the access has arrived. */
  @BigIntColumn({ default: 0 }) accessVersion!: number;
  @Column({ type: 'text', nullable: true }) accessStatus!: string | null;
  @Column({ type: 'text', array: true, default: [] }) roles!: readonly string[];
  @Column({ type: 'timestamptz', nullable: true }) notBefore!: Date | null;

  /** Id of the latest Universal Logout that is not complete. Null means that there is none. */
  @Column({ type: 'uuid', nullable: true }) signingOut!: string | null;
  @Column({ type: 'boolean', default: false }) signingOutAnnounced!: boolean;
  @Column({ type: 'timestamptz', nullable: true }) signingOutDueAt!: Date | null;
  @Column({ type: 'int', default: 0 }) signingOutAttempts!: number;
}

/** A person in the directory. The person may not have an account yet. */
@Entity('expected_person')
export class ExpectedPersonEntity {
  @PrimaryColumn({ type: 'uuid' }) id!: string;
  @Column({ type: 'uuid' }) tenant!: string;
  @BigIntColumn() version!: number;
  @Column({ type: 'text', nullable: true }) externalId!: string | null;
  @Column({ type: 'boolean' }) active!: boolean;
}
