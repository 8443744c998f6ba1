import { Column, Entity, PrimaryColumn } from 'typeorm';
import { BigIntColumn } from '#platform';

@Entity('groups')
export class GroupEntity {
  @PrimaryColumn({ type: 'uuid' }) tenantId!: string;
  @PrimaryColumn({ type: 'uuid' }) id!: string;
  @Column({ type: 'text' }) displayName!: string;

  /** The display name, normalized and in lower case, because names are unique without regard to case. */
  @Column({ type: 'text' }) displayNameKey!: string;
  @Column({ type: 'text', nullable: true }) externalId!: string | null;

  /** Sequence number of the last event about the group or its members. */
  @BigIntColumn() version!: number;
  @Column({ type: 'timestamptz' }) createdAt!: Date;
  @Column({ type: 'timestamptz' }) updatedAt!: Date;
}

export const GROUP_COLUMNS = [
  'id',
  'tenantId',
  'displayName',
  'externalId',
  'version',
  'createdAt',
  'updatedAt',
] as const satisfies (keyof GroupEntity)[];

export type Group = Readonly<Pick<GroupEntity, (typeof GROUP_COLUMNS)[number]>>;
