/** The settings of a new tenant: the product page's field reference, roles and group mapping. */
import type { Brake, RoleMapping, TenantSettings } from '#events';

/** The part of a tenant's settings that an administrator changes. */
export type OktaSettings = Pick<
  TenantSettings,
  'scimEnabled' | 'groupSync' | 'deactivateOnOffboard' | 'roles' | 'roleMappings'
> & {
  readonly brake: Brake | null;
  readonly okta: NonNullable<TenantSettings['okta']> | null;
  readonly sso: NonNullable<TenantSettings['sso']> | null;
};

/** Highest precedence first. The list is configuration: a tenant may add roles of its own. */
export const DEFAULT_ROLES: readonly string[] = ['super_admin', 'itsm_manager', 'itsm_agent', 'viewer'];

export const DEFAULT_ROLE_MAPPINGS: readonly RoleMapping[] = [
  { group: { name: 'StackFlow-Admins' }, role: 'super_admin' },
  { group: { name: 'StackFlow-ITSM-Managers' }, role: 'itsm_manager' },
  { group: { name: 'StackFlow-Agents' }, role: 'itsm_agent' },
  { group: { name: 'StackFlow-Viewers' }, role: 'viewer' },
];

export const DEFAULT_BRAKE: Brake = { percent: 10, atLeast: 20, windowMinutes: 10, holdHours: 24 };

/** The brake in force; settings that do not mention it have the default. */
export const brakeOf = ({ brake }: Pick<TenantSettings, 'brake'>): Brake | null =>
  brake === undefined ? DEFAULT_BRAKE : brake;

/** A fresh copy each time, so that no caller can change the defaults of another. */
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
