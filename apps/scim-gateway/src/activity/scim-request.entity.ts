import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A SCIM request whose tenant was identified. */
@Entity('scim_request')
export class ScimRequestEntity {
  /** The X-Request-Id of the answer. */
  @PrimaryColumn({ type: 'uuid' }) id!: string;
  @Column({ type: 'uuid' }) tenantId!: string;
  @Column({ type: 'timestamptz' }) at!: Date;
  @Column({ type: 'text' }) method!: string;
  @Column({ type: 'text' }) url!: string;

  /** Endpoint, e.g. `Users`. Null means that the path has no route. */
  @Column({ type: 'text', nullable: true }) resourceType!: string | null;
  @Column({ type: 'text', nullable: true }) resourceId!: string | null;
  @Column({ type: 'smallint' }) status!: number;
  @Column({ type: 'real' }) durationMs!: number;
  @Column({ type: 'text', nullable: true }) scimType!: string | null;
  @Column({ type: 'text', nullable: true }) detail!: string | null;

  /** The first 100 ids of members that were not stored, because no such user exists. */
  @Column({ type: 'jsonb', nullable: true }) leftOut!: string[] | null;
  @Column({ type: 'int', default: 0 }) leftOutCount!: number;

  /** True if the whole answer was written before the connection ended. */
  @Column({ type: 'boolean' }) delivered!: boolean;
  @Column({ type: 'text', nullable: true }) userAgent!: string | null;

  /** Number of requests that the row stands for: refusals of one kind share the row of the first one for a minute. */
  @Column({ type: 'int', default: 1 }) repeats!: number;
}
