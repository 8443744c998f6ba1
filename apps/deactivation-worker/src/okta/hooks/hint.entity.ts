import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One event of Okta's event hooks about one user. It is only a hint: Okta is read before access changes. */
@Entity('okta_hint')
export class OktaHintEntity {
  @PrimaryColumn({ type: 'uuid' }) tenant!: string;
  @PrimaryColumn({ type: 'text' }) eventId!: string;
  @PrimaryColumn({ type: 'text' }) userId!: string;
  @Column({ type: 'text' }) type!: string;
  @Column({ type: 'timestamptz' }) published!: Date;
  @Column({ type: 'timestamptz', default: () => 'clock_timestamp()' }) receivedAt!: Date;
}
