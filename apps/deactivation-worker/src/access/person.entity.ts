import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { AccessStatus, CognitoAccess, OktaState } from '#contracts';
import { BigIntColumn } from '#platform';

/** One account: what other services published about it, its desired access, and the progress in Cognito. */
@Entity('person')
export class PersonEntity {
  @PrimaryColumn({ type: 'uuid' }) id!: string;
  @Column({ type: 'uuid' }) tenant!: string;

  /** Sequence number of the last directory.access event; 0 means that none has arrived yet. */
  @BigIntColumn({ default: 0 }) directoryVersion!: number;
  @Column({ type: 'text', default: '' }) userName!: string;

  /** The person's Okta user id. */
  @Column({ type: 'text', nullable: true }) externalId!: string | null;
  @Column({ type: 'text', nullable: true }) displayName!: string | null;
  @Column({ type: 'boolean', default: false }) active!: boolean;
  @Column({ type: 'boolean', default: false }) deleted!: boolean;

  /** Sequence number of the last identity.accounts event; 0 means that none has arrived yet. */
  @BigIntColumn({ default: 0 }) accountVersion!: number;

  /** Whether identity-service has created the Cognito user. */
  @Column({ type: 'boolean', default: false }) provisioned!: boolean;

  /** The account's roles, highest precedence first. */
  @Column({ type: 'text', array: true, default: () => `'{}'` }) roles!: string[];

  /** The state that Okta's API or an event hook reported. Such a state ends access, whatever SCIM reports. */
  @Column({ type: 'text', nullable: true }) oktaState!: OktaState | null;
  @Column({ type: 'timestamptz', nullable: true }) oktaStateAt!: Date | null;
  @Column({ type: 'text', default: 'disabled' }) desiredAccess!: CognitoAccess;

  /**
   * Increases with every change that must be applied to Cognito. Work on the person ends only if the revision did not
   * increase during that work.
   */
  @BigIntColumn({ default: 0 }) revision!: number;

  /** Sequence number of the last identity.access event; 0 means that none was published yet. */
  @BigIntColumn({ default: 0 }) accessVersion!: number;
  @Column({ type: 'text', nullable: true }) publishedStatus!: AccessStatus | null;
  @Column({ type: 'text', array: true, default: () => `'{}'` }) publishedRoles!: string[];

  @Column({ type: 'timestamptz', nullable: true }) notBefore!: Date | null;

  /** Sequence number of the last offboarding.cases event about the person. */
  @BigIntColumn({ default: 0 }) caseVersion!: number;

  /**
   * Whether the user is enabled in Cognito. Null: there is no such user, or the state is unknown and must be read
   * first.
   */
  @Column({ type: 'text', nullable: true }) actualAccess!: CognitoAccess | null;

  /** Whether earlier refresh tokens must still be revoked. This must happen before the user is enabled again. */
  @Column({ type: 'boolean', default: false }) signOutDue!: boolean;

  /**
   * Until this time, a call that Cognito has not answered may still change the user. Cognito is read once afterwards.
   */
  @Column({ type: 'timestamptz', nullable: true }) lateCallsUntil!: Date | null;

  /** Time at which the work in Cognito continues; null means that no work is left. */
  @Column({ type: 'timestamptz', nullable: true }) dueAt!: Date | null;
  @Column({ type: 'uuid', nullable: true }) leaseOwner!: string | null;
  @Column({ type: 'int', default: 0 }) attempts!: number;
  @Column({ type: 'text', nullable: true }) lastError!: string | null;
  @Column({ type: 'text', nullable: true }) lastErrorClass!: string | null;

  /** Causation id of the last change of the person's access. */
  @Column({ type: 'text', default: '' }) causationId!: string;
  @Column({ type: 'text', nullable: true }) traceparent!: string | null;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) updatedAt!: Date;
}
