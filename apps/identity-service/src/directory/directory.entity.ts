/** Copies of what scim-gateway publishes about people, groups and memberships. */
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

  /** The row of a deleted group stays, so that a late event about a member does not bring the group back. */
  @Column({ type: 'boolean', default: false }) deleted!: boolean;

  /** Whether the group had another name before. */
  @Column({ type: 'boolean', default: false }) renamed!: boolean;

  /** Causation id of the last change of the group; of a deleted group, the deletion. */
  @Column({ type: 'text', default: 'unknown' }) causationId!: string;
}

@Entity('membership')
export class MembershipEntity {
  @PrimaryColumn({ type: 'uuid' }) userId!: string;
  @PrimaryColumn({ type: 'uuid' }) groupId!: string;
  @Column({ type: 'uuid' }) tenant!: string;
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
