import { NestedList, Text, Uuid, Whole } from './fields.js';

/** Why the brake holds an offboarding or a loss of roles. */
export const HELD_REASONS = ['threshold', 'last_admin'] as const;
export type HeldBecause = (typeof HELD_REASONS)[number];

export class TenantPath {
  @Uuid({ description: 'Tenant id.' }) tenant!: string;
}

export class AccountPath extends TenantPath {
  @Uuid({ description: 'Account id. The same UUID is the SCIM id and the Cognito username.' }) id!: string;
}

export class TenantView {
  @Uuid() id!: string;
  @Text() slug!: string;

  @Text({
    nullable: true,
    description: 'Own host name of the tenant. Null means that people reach the tenant under the common origin.',
  })
  host!: string | null;

  @Whole({ description: 'Version of the tenant settings that this service has received.' }) settingsVersion!: number;
}

export class TenantList {
  @NestedList(() => TenantView) tenants!: TenantView[];
}
