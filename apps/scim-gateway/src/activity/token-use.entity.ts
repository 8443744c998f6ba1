import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('scim_token_use')
export class ScimTokenUseEntity {
  @PrimaryColumn({ type: 'uuid' }) tenantId!: string;
  @Column({ type: 'timestamptz' }) lastUsedAt!: Date;
}
