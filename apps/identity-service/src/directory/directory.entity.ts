/** Copies of what scim-gateway publishes about people and groups, and the members of the groups that give roles. */
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { BigIntColumn } from '#platform';
import { Profile } from './profile.entity.js';

@Entity('directory_user')
export class DirectoryUserEntity extends Profile {
  @PrimaryColumn({ type: 'uuid' }) id!: string;
  @Column({ type: 'uuid' }) tenant!: string;
  @BigIntColumn() version!: number;
  @Column({ type: 'boolean' }) active!: boolean;
  @Column({ type: 'boolean', default: false }) deleted!: boolean;
}

@Entity('directory_group')
export class DirectoryGroupEntity {
  @PrimaryColumn({ type: 'uuid' }) id!: string;
  @Column({ type: 'uuid' }) tenant!: string;
  @BigIntColumn() version!: number;
  @Column({ type: 'text' }) displayName!: string;

  /** The group's name as mappings compare it: in lower case and without outer blanks. */
  @Column({ type: 'text' }) nameKey!: string;

  /** The row of a deleted group stays, so that a late event does not bring the group back. */
  @Column({ type: 'boolean', default: false }) deleted!: boolean;

  /** Whether the group had another name before. */
  @Column({ type: 'boolean', default: false }) renamed!: boolean;

  /** Causation id of the last change of the group; of a deleted group, the deletion. */
  @Column({ type: 'text', default: 'unknown' }) causationId!: string;
  /**
   * `membership` has all members at the group's version (`complete`), a part of them until they are read from
   * scim-gateway (`loading`), or nothing, because no mapping names the group (`unknown`).
   */
  @Column({ type: 'text', default: 'unknown' }) members!: 'unknown' | 'loading' | 'complete';
}

/** The user may be unknown here, because users travel on another topic. */
@Entity('membership')
export class MembershipEntity {
  @Column({ type: 'uuid' }) tenant!: string;
  @PrimaryColumn({ type: 'uuid' }) groupId!: string;
  @PrimaryColumn({ type: 'uuid' }) userId!: string;
}

/** The members of a group are being read from scim-gateway, page by page. */
@Entity('membership_load')
export class MembershipLoadEntity {
  @PrimaryColumn({ type: 'uuid' }) groupId!: string;
  @Column({ type: 'uuid' }) tenant!: string;

  /** The last user id that was read; null before the first page. */
  @Column({ type: 'uuid', nullable: true }) after!: string | null;

  /** The group's version in the last page. The load is complete when the events up to this version have arrived. */
  @BigIntColumn({ nullable: true }) untilVersion!: number | null;

  /** The change that made a mapping name the group. Grants after the load record it. */
  @Column({ type: 'text' }) cause!: string;
  @Column({ type: 'uuid', nullable: true }) causeGroup!: string | null;
  @Column({ type: 'text' }) causationId!: string;
  @Column({ type: 'text', nullable: true }) traceparent!: string | null;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) requestedAt!: Date;

  /** While a process works on the load, this is the time at which another process may take it over. */
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) nextAttemptAt!: Date;
  @Column({ type: 'int', default: 0 }) attempts!: number;
  @Column({ type: 'text', nullable: true }) lastError!: string | null;
}

@Entity('role_mapping')
export class RoleMappingEntity {
  @PrimaryColumn({ type: 'uuid' }) tenant!: string;
  @PrimaryColumn({ type: 'text' }) groupKey!: string;
  @PrimaryColumn({ type: 'text' }) role!: string;

  /** Position of the role in the tenant's list; 0 is the strongest role. */
  @Column({ type: 'int' }) precedence!: number;
}

/** Every role that any tenant ever had. This service owns the Cognito groups with these names. */
@Entity('known_role')
export class KnownRoleEntity {
  @PrimaryColumn({ type: 'text' }) role!: string;
}
