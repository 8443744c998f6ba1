/** What a tenant gets before anybody configures it: the product page's field reference, roles and group mapping. */
import type { RoleMapping, TenantSettings } from '#events';

/** The part of a tenant's settings that an administrator changes. */
export type OktaSettings = Pick<
  TenantSettings,
  'scimEnabled' | 'groupSync' | 'deactivateOnOffboard' | 'roles' | 'roleMappings'
>;

/** Highest precedence first. The list is configuration: a tenant may add roles of its own. */
export const DEFAULT_ROLES: readonly string[] = ['super_admin', 'itsm_manager', 'itsm_agent', 'viewer'];

export const DEFAULT_ROLE_MAPPINGS: readonly RoleMapping[] = [
  { group: { name: 'StackFlow-Admins' }, role: 'super_admin' },
  { group: { name: 'StackFlow-ITSM-Managers' }, role: 'itsm_manager' },
  { group: { name: 'StackFlow-Agents' }, role: 'itsm_agent' },
  { group: { name: 'StackFlow-Viewers' }, role: 'viewer' },
];

/** A fresh copy each time, so that nobody can change the defaults of somebody else. */
export function defaultSettings(): OktaSettings {
  return {
    scimEnabled: false,
    groupSync: true,
    deactivateOnOffboard: true,
    roles: [...DEFAULT_ROLES],
    roleMappings: DEFAULT_ROLE_MAPPINGS.map((mapping) => ({ ...mapping, group: { ...mapping.group } })),
  };
}
