import type { JSONWebKeySet } from 'jose';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { TokenKind } from '#contracts';

/** A service that may exchange tokens. It has either a secret or keys. */
@Entity('exchange_client')
export class ExchangeClientEntity {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'uuid', array: true }) tenants!: string[];
  @Column({ type: 'text', array: true }) audiences!: string[];
  @Column({ type: 'text', array: true }) tokenKinds!: TokenKind[];
  @Column({ type: 'bytea', nullable: true }) secretHash!: Buffer | null;
  @Column({ type: 'bytea', nullable: true }) previousHash!: Buffer | null;
  @Column({ type: 'timestamptz', nullable: true }) previousValidUntil!: Date | null;
  @Column({ type: 'jsonb', nullable: true }) jwks!: JSONWebKeySet | null;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) createdAt!: Date;
}

/** A tenant's custom authorization server. Access tokens of this server may be exchanged. */
@Entity('exchange_source')
export class ExchangeSourceEntity {
  @PrimaryColumn({ type: 'uuid' }) tenant!: string;
  @Column({ type: 'text' }) issuer!: string;
  @Column({ type: 'text' }) audience!: string;
  @Column({ type: 'text', array: true }) clientIds!: string[];
  @Column({ type: 'text' }) scope!: string;
}
