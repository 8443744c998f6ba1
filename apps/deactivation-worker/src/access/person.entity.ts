import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { AccessStatus, CognitoAccess, OktaState } from '#contracts';
import { BigIntColumn } from '#platform';

/** One account: what other services published about it, the access it should have, and what was done. */
@Entity('person')
export class PersonEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'uuid' })
  tenant!: string;

  /** 0 = no event of directory.users arrived yet. */
  @BigIntColumn({ default: 0 })
  directoryVersion!: number;

  @Column({ type: 'text', default: '' })
  userName!: string;

  /** Okta user id. */
  @Column({ type: 'text', nullable: true })
  externalId!: string | null;

  @Column({ type: 'text', nullable: true })
  displayName!: string | null;

  @Column({ type: 'boolean', default: false })
  active!: boolean;

  @Column({ type: 'boolean', default: false })
  deleted!: boolean;

  /** 0 = no event of identity.accounts arrived yet. */
  @BigIntColumn({ default: 0 })
  accountVersion!: number;

  /** Whether identity-service has created the Cognito user. */
  @Column({ type: 'boolean', default: false })
  provisioned!: boolean;

  /** Strongest first. */
  @Column({ type: 'text', array: true, default: () => `'{}'` })
  roles!: string[];

  /** Reported by Okta's API or an event hook; ends access whatever SCIM says. */
  @Column({ type: 'text', nullable: true })
  oktaState!: OktaState | null;

  @Column({ type: 'timestamptz', nullable: true })
  oktaStateAt!: Date | null;

  @Column({ type: 'text', default: 'disabled' })
  desiredAccess!: CognitoAccess;

  /** Grows with everything new for the runner. Work that was done for an older revision does not end the work. */
  @BigIntColumn({ default: 0 })
  revision!: number;

  /** Sequence of identity.access; 0 = nothing was published yet. */
  @BigIntColumn({ default: 0 })
  accessVersion!: number;

  @Column({ type: 'text', nullable: true })
  publishedStatus!: AccessStatus | null;

  @Column({ type: 'text', array: true, default: () => `'{}'` })
  publishedRoles!: string[];

  /** The fence. */
  @Column({ type: 'timestamptz', nullable: true })
  notBefore!: Date | null;

  /** Sequence of offboarding.cases. */
  @BigIntColumn({ default: 0 })
  caseVersion!: number;

  /** The state that Cognito holds; null = state unknown (to be read before anything else), or no such user. */
  @Column({ type: 'text', nullable: true })
  actualAccess!: CognitoAccess | null;

  /** Earlier refresh tokens are not revoked yet; has to happen before the user is enabled again. */
  @Column({ type: 'boolean', default: false })
  signOutDue!: boolean;

  /** Calls of a dead process, or without an answer, may take effect until then. Cognito is read once afterwards. */
  @Column({ type: 'timestamptz', nullable: true })
  lateCallsUntil!: Date | null;

  /** Null = the runner has nothing to do. */
  @Column({ type: 'timestamptz', nullable: true })
  dueAt!: Date | null;

  @Column({ type: 'uuid', nullable: true })
  leaseOwner!: string | null;

  @Column({ type: 'int', default: 0 })
  attempts!: number;

  @Column({ type: 'text', nullable: true })
  lastError!: string | null;

  @Column({ type: 'text', nullable: true })
  lastErrorClass!: string | null;

  /** Of the last change of the desired access. */
  @Column({ type: 'text', default: '' })
  causationId!: string;

  @Column({ type: 'text', nullable: true })
  traceparent!: string | null;

  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' })
  updatedAt!: Date;
}
