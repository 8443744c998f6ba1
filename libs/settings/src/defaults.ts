/** The settings of a new tenant, as the product page describes them. */
import type { Brake, RoleMapping, TenantSettings } from '#events';

/** The part of a tenant's settings that an administrator can change. */
export type OktaSettings = Pick<
  TenantSettings,
  'scimEnabled' | 'groupSync' | 'deactivateOnOffboard' | 'roles' | 'roleMappings'
> & {
  readonly brake: Brake | null;
  readonly okta: NonNullable<TenantSettings['okta']> | null;
  readonly sso: NonNullable<TenantSettings['sso']> | null;
};

/** The default roles, highest precedence first. A tenant may add its own roles. */
export const DEFAULT_ROLES: readonly string[] = ['super_admin', 'itsm_manager', 'itsm_agent', 'viewer'];

export const DEFAULT_ROLE_MAPPINGS: readonly RoleMapping[] = [
  { group: { name: 'StackFlow-Admins' }, role: 'super_admin' },
  { group: { name: 'StackFlow-ITSM-Managers' }, role: 'itsm_manager' },
  { group: { name: 'StackFlow-Agents' }, role: 'itsm_agent' },
  { group: { name: 'StackFlow-Viewers' }, role: 'viewer' },
];

/** The brake with every value, including those that older settings do not mention. */
export type BrakeInForce = Required<Brake>;

export const DEFAULT_BRAKE: BrakeInForce = {
  percent: 10,
  atLeast: 20,
  windowMinutes: 10,
  holdHours: 24,
  lastAdminHoldMinutes: 60,
};

/** Returns the brake in force. Settings that do not mention the brake have the default brake. */
export const brakeOf = ({ brake }: Pick<TenantSettings, 'brake'>): BrakeInForce | null =>
  brake === undefined
    ? DEFAULT_BRAKE
    : brake && { ...brake, lastAdminHoldMinutes: brake.lastAdminHoldMinutes ?? DEFAULT_BRAKE.lastAdminHoldMinutes };

/** Returns a new object each time, because a caller may change it. */
export function defaultSettings(): OktaSettings {
  return {
    scimEnabled: false,
    groupSync: true,
    deactivateOnOffboard: true,
    roles: [...DEFAULT_ROLES],
    roleMappings: DEFAULT_ROLE_MAPPINGS.map((mapping) => ({ ...mapping, group: { ...mapping.group } })),
    brake: { ...DEFAULT_BRAKE },
    okta: null,
    sso: null,
  };
}
