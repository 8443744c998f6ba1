import { Column, Entity, PrimaryColumn } from 'typeorm';
import { BigIntColumn } from '#platform';
import type { UserResource } from '#scim';

/**
 * A user. `resource` contains every attribute. Some columns repeat attributes that indexes, filters and events need.
 */
@Entity('users')
export class UserEntity {
  @PrimaryColumn({ type: 'uuid' }) tenantId!: string;
  @PrimaryColumn({ type: 'uuid' }) id!: string;
  @Column({ type: 'text' }) userName!: string;

  /** The user name in lower case, because names are unique without regard to case. */
  @Column({ type: 'text' }) userNameKey!: string;
  @Column({ type: 'text', nullable: true }) externalId!: string | null;
  @Column({ type: 'boolean' }) active!: boolean;
  @Column({ type: 'text', nullable: true }) email!: string | null;
  @Column({ type: 'jsonb' }) resource!: UserResource;

  /** Sequence of the last event about the user. */
  @BigIntColumn() version!: number;
  @Column({ type: 'timestamptz' }) createdAt!: Date;
  @Column({ type: 'timestamptz' }) updatedAt!: Date;

  /** X-Request-Id of the request that created the user. */
  @Column({ type: 'uuid' }) createdRequest!: string;

  /**
   * Time of the deletion. The row of a deleted user stays as a tombstone: its id cannot be used again, but its names
   * can.
   */
  @Column({ type: 'timestamptz', nullable: true }) deletedAt!: Date | null;
}

export const USER_COLUMNS = [
  'id',
  'tenantId',
  'resource',
  'version',
  'createdAt',
  'updatedAt',
  'createdRequest',
] as const satisfies (keyof UserEntity)[];

/** The columns of a user that the service reads, and the user's groups. */
export interface User extends Readonly<Pick<UserEntity, (typeof USER_COLUMNS)[number]>> {
  /** The user's groups, sorted by id. */
  readonly groups: readonly { readonly value: string; readonly display: string }[];
}
