import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A user's membership in a group. */
@Entity('members')
export class MemberEntity {
  @Column({ type: 'uuid' }) tenantId!: string;
  @PrimaryColumn({ type: 'uuid' }) groupId!: string;
  @PrimaryColumn({ type: 'uuid' }) userId!: string;
}
