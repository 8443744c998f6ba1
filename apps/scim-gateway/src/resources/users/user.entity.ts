import { Column, Entity, PrimaryColumn } from 'typeorm';
import { BigIntColumn } from '#platform';
import type { UserResource } from '#scim';

/** A user. `resource` holds every attribute. Some columns repeat attributes for indexes, filters and events. */
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

  /** Sequence number of the last event about the user. */
  @BigIntColumn() version!: number;

  /** Sequence number of the last directory.access event about the user. */
  @BigIntColumn({ default: 1 }) accessVersion!: number;
  @Column({ type: 'timestamptz' }) createdAt!: Date;
  @Column({ type: 'timestamptz' }) updatedAt!: Date;

  /** X-Request-Id of the request that created the user. */
  @Column({ type: 'uuid' }) createdRequest!: string;

  /** The row of a deleted user stays: its id cannot be used again, but its names can. */
  @Column({ type: 'timestamptz', nullable: true }) deletedAt!: Date | null;
}

export const USER_COLUMNS = [
  'id',
  'tenantId',
  'resource',
  'version',
  'accessVersion',
  'createdAt',
  'updatedAt',
  'createdRequest',
] as const satisfies (keyof UserEntity)[];

export interface User extends Readonly<Pick<UserEntity, (typeof USER_COLUMNS)[number]>> {
  /** Sorted by id. */
  readonly groups: readonly { readonly value: string; readonly display: string }[];
}
