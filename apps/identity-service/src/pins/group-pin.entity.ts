import { Column, Entity, PrimaryColumn } from 'typeorm';

/**
 * The group that a mapping by name belongs to. The first group that bears the name is pinned; afterwards the mapping
 * follows the group's id. Written only under the tenant's exclusive lock, or together with the mappings.
 */
@Entity('group_pin')
export class GroupPinEntity {
  @PrimaryColumn({ type: 'uuid' }) tenant!: string;

  /** The mapped name, as `role_mapping.group_key` contains it. */
  @PrimaryColumn({ type: 'text' }) nameKey!: string;
  @Column({ type: 'uuid' }) groupId!: string;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) pinnedAt!: Date;

  /** Whether the pin may give the tenant's strongest role to people who did not have it. */
  @Column({ type: 'boolean' }) confirmed!: boolean;

  /** The administrator who confirmed the pin; null if it needed no confirmation. */
  @Column({ type: 'text', nullable: true }) confirmedBy!: string | null;

  /** The deleted group that was pinned before this one. */
  @Column({ type: 'uuid', nullable: true }) predecessor!: string | null;
}
