/** Copies of facts that identity-service and scim-gateway own. */
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { BigIntColumn } from '#platform';

@Entity('account')
export class AccountCopyEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'uuid' })
  tenant!: string;

  /** 0 = Cognito does not have the user yet. */
  @BigIntColumn({ default: 0 })
  version!: number;

  @Column({ type: 'text', nullable: true })
  externalId!: string | null;

  @Column({ type: 'text', nullable: true })
  userName!: string | null;

  @Column({ type: 'text', nullable: true })
  email!: string | null;

  @Column({ type: 'text', nullable: true })
  displayName!: string | null;

  @Column({ type: 'text', nullable: true })
  accountStatus!: string | null;

  /** 0 = nothing is known of the access yet. */
  @BigIntColumn({ default: 0 })
  accessVersion!: number;

  @Column({ type: 'text', nullable: true })
  accessStatus!: string | null;

  @Column({ type: 'text', array: true, default: [] })
  roles!: readonly string[];

  @Column({ type: 'timestamptz', nullable: true })
  notBefore!: Date | null;

  /** Id of a logout everywhere that is not complete. */
  @Column({ type: 'uuid', nullable: true })
  signingOut!: string | null;

  @Column({ type: 'boolean', default: false })
  signingOutAnnounced!: boolean;

  @Column({ type: 'timestamptz', nullable: true })
  signingOutDueAt!: Date | null;

  @Column({ type: 'int', default: 0 })
  signingOutAttempts!: number;
}

/** A person in the directory, who may not have an account yet. */
@Entity('expected_person')
export class ExpectedPersonEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'uuid' })
  tenant!: string;

  @BigIntColumn()
  version!: number;

  @Column({ type: 'text', nullable: true })
  externalId!: string | null;

  @Column({ type: 'boolean' })
  active!: boolean;
}
