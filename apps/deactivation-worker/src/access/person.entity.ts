import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { AccessStatus, CognitoAccess, OktaState } from '#contracts';
import { BigIntColumn } from '#platform';

/** One account: what other services published about it, its desired access, and the progress in Cognito. */
@Entity('person')
export class PersonEntity {
  @PrimaryColumn({ type: 'uuid' }) id!: string;
  @Column({ type: 'uuid' }) tenant!: string;

  /** Sequence of the last directory.users event; 0 means that none has arrived yet. */
  @BigIntColumn({ default: 0 }) directoryVersion!: number;
  @Column({ type: 'text', default: '' }) userName!: string;

  /** The person's Okta user id. */
  @Column({ type: 'text', nullable: true }) externalId!: string | null;
  @Column({ type: 'text', nullable: true }) displayName!: string | null;
  @Column({ type: 'boolean', default: false }) active!: boolean;
  @Column({ type: 'boolean', default: false }) deleted!: boolean;

  /** Sequence of the last identity.accounts event; 0 means that none has arrived yet. */
  @BigIntColumn({ default: 0 }) accountVersion!: number;

  /** Whether identity-service has created the Cognito user. */
  @Column({ type: 'boolean', default: false }) provisioned!: boolean;

  /** The account's roles, strongest first. */
  @Column({ type: 'text', array: true, default: () => `'{}'` }) roles!: string[];

  /**
   * Okta's state of the person, as Okta's API or an event hook reported it. Such a state ends access, whatever SCIM
   * reports.
   */
  @Column({ type: 'text', nullable: true }) oktaState!: OktaState | null;
  @Column({ type: 'timestamptz', nullable: true }) oktaStateAt!: Date | null;
  @Column({ type: 'text', default: 'disabled' }) desiredAccess!: CognitoAccess;

  /**
   * Increases with every change that the runner must apply to Cognito. The runner ends its work on the person only if
   * the revision did not increase during that work.
   */
  @BigIntColumn({ default: 0 }) revision!: number;

  /** Sequence of the last identity.access event; 0 means that none was published yet. */
  @BigIntColumn({ default: 0 }) accessVersion!: number;
  @Column({ type: 'text', nullable: true }) publishedStatus!: AccessStatus | null;
  @Column({ type: 'text', array: true, default: () => `'{}'` }) publishedRoles!: string[];

  /** The account's fence. */
  @Column({ type: 'timestamptz', nullable: true }) notBefore!: Date | null;

  /** Sequence of the last offboarding.cases event about the person. */
  @BigIntColumn({ default: 0 }) caseVersion!: number;

  /**
   * Whether the user is enabled in Cognito. Null means that there is no such user, or that the state is unknown and
   * must be read before anything else.
   */
  @Column({ type: 'text', nullable: true }) actualAccess!: CognitoAccess | null;

  /** Whether earlier refresh tokens must still be revoked. This must happen before the user is enabled again. */
  @Column({ type: 'boolean', default: false }) signOutDue!: boolean;

  /**
   * Until this time, a call to Cognito that got no answer, or whose process died, may still change the user. The runner
   * reads Cognito once afterwards.
   */
  @Column({ type: 'timestamptz', nullable: true }) lateCallsUntil!: Date | null;

  /** Time of the runner's next attempt; null means that the runner has nothing to do. */
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
