/** The erasure of a tenant. Each service erases what it stores, and integration-hub erases its own data last. */
import { Instant, OneOf, Text, Uuid, Whole } from './fields.js';

export const ERASURE_STATES = ['closing', 'erasing', 'done'] as const;
/**
 * The causes for which the state `closing` waits. `requests`: requests that began before SCIM was switched off. `people`: their
 * deletion. `access`: the end of their access. `accounts`: the deletion of their Cognito users. `events`: publication.
 */
export const ERASURE_WAITS = ['requests', 'people', 'access', 'accounts', 'events'] as const;
export type ErasureWait = (typeof ERASURE_WAITS)[number];

export class StartErasure {
  @Text({ max: 200, description: 'The person who requests the erasure; the record of the erasure names them.' })
  by!: string;

  @Whole({
    optional: true,
    description:
      'Number of people that scim-gateway deleted. Another service waits until it knows that all of them are deleted.',
  })
  people?: number;
}

export class TenantErasure {
  @Uuid({ description: 'Tenant id. It is never used again.' }) tenant!: string;
  @Text() slug!: string;
  @Text() by!: string;
  @Instant() requestedAt!: Date;

  @OneOf(ERASURE_STATES, { description: 'Rows are erased after everything that must happen before is closed.' })
  state!: (typeof ERASURE_STATES)[number];

  @OneOf(ERASURE_WAITS, { nullable: true, description: 'What the state `closing` waits for.' })
  waitsFor!: ErasureWait | null;

  @Whole({ nullable: true, description: 'Number of people of the tenant; null as long as it is unknown.' })
  people!: number | null;

  @Whole({ description: 'Number of rows that were erased.' }) rows!: number;
  @Instant({ nullable: true }) finishedAt!: Date | null;
}
