import { isDeepStrictEqual } from 'node:util';
import type { Brake, RoleMapping } from '#events';
import { DEFAULT_BRAKE, DEFAULT_ROLE_MAPPINGS, type OktaSettings } from './defaults.js';
import { groupKey, groupLabel, settingsFaults, SettingsError } from './validation.js';

export interface SettingsChange {
  readonly scimEnabled?: boolean | undefined;
  readonly groupSync?: boolean | undefined;
  readonly deactivateOnOffboard?: boolean | undefined;
  /** The figures of the brake to change, or null to switch the brake off. */
  readonly brake?: Partial<Brake> | null | undefined;
  /** The Okta connection. Null removes it. A pasted `https://` and a slash at the end of the domain are removed. */
  readonly okta?: OktaSettings['okta'] | undefined;
  /** The OIDC client. With null, nobody signs in through Okta. */
  readonly sso?: OktaSettings['sso'] | undefined;
  /** The complete list of roles, highest precedence first. */
  readonly roles?: readonly string[] | undefined;
  /** The complete list of mappings. `map` and `unmap` are applied after it. */
  readonly roleMappings?: readonly RoleMapping[] | undefined;
  /** Mappings to add. An existing mapping is no error, so that a command can be repeated. */
  readonly map?: readonly RoleMapping[] | undefined;
  /**
   * Names of groups that mappings by name use. If they are given, and `map` adds the tenant's first mapping of its own,
   * default mappings that no group uses are dropped.
   */
  readonly usedNames?: readonly string[] | undefined;
  /** Groups to unmap. A group loses all its mappings, or only the mapping to `role`. */
  readonly unmap?: readonly { readonly group: RoleMapping['group']; readonly role?: string | undefined }[] | undefined;
}

export interface ChangedSettings {
  readonly settings: OktaSettings;
  readonly changed: readonly (keyof OktaSettings)[];
}

/** Applies an administrator's change to the settings. Throws {@link SettingsError} with every fault. */
export function changeSettings(current: OktaSettings, change: SettingsChange): ChangedSettings {
  const { mappings, faults } = changeMappings(change.roleMappings ?? current.roleMappings, change);
  const settings: OktaSettings = {
    scimEnabled: change.scimEnabled ?? current.scimEnabled,
    groupSync: change.groupSync ?? current.groupSync,
    deactivateOnOffboard: change.deactivateOnOffboard ?? current.deactivateOnOffboard,
    roles: [...(change.roles ?? current.roles)],
    roleMappings: mappings,
    brake:
      change.brake === undefined
        ? current.brake
        : change.brake && { ...DEFAULT_BRAKE, ...current.brake, ...change.brake },
    okta: change.okta === undefined ? current.okta : change.okta && tidyOkta(change.okta),
    sso: change.sso === undefined ? current.sso : change.sso,
  };
  const all = [...faults, ...settingsFaults(settings)];
  if (all.length > 0) throw new SettingsError(all);
  const before = comparable(current);
  // Do not compare JSON texts here, because jsonb does not keep the order of properties.
  const changed = (Object.keys(settings) as (keyof OktaSettings)[]).filter(
    (name) => !isDeepStrictEqual(settings[name], before[name]),
  );
  return { settings, changed };
}

function changeMappings(
  from: readonly RoleMapping[],
  change: SettingsChange,
): { mappings: RoleMapping[]; faults: string[] } {
  const faults: string[] = [];
  let mappings = from.map(tidy);
  for (const { group, role } of change.unmap ?? []) {
    const kept = mappings.filter(
      (m) => groupKey(m.group) !== groupKey(group) || (role !== undefined && m.role !== role),
    );
    if (kept.length === mappings.length)
      faults.push(
        `Nothing to unmap: ${groupLabel(group)} is not mapped${role === undefined ? '' : ` to ${JSON.stringify(role)}`}.`,
      );
    mappings = kept;
  }
  const inForce = new Set(mappings.map(pairKey));
  const asked = (change.map ?? []).map(tidy);
  const added = asked.filter((m) => !inForce.has(pairKey(m)));
  return { mappings: [...withoutUnusedDefaults(mappings, asked, change.usedNames), ...added], faults };
}

/** When the tenant maps its first own group, a default stays only if a group uses it, or if it is asked for again. */
function withoutUnusedDefaults(
  mappings: RoleMapping[],
  asked: readonly RoleMapping[],
  usedNames: readonly string[] | undefined,
): RoleMapping[] {
  const isFirst = mappings.every(isDefault) && !asked.every(isDefault);
  if (usedNames === undefined || !isFirst) return mappings;
  const used = new Set([...usedNames.map((name) => groupKey({ name })), ...asked.map((m) => groupKey(m.group))]);
  return mappings.filter((m) => used.has(groupKey(m.group)));
}

/** Whether every new tenant has this mapping. */
const isDefault = ({ group, role }: RoleMapping): boolean =>
  DEFAULT_ROLE_MAPPINGS.some((m) => groupKey(m.group) === groupKey(group) && m.role === role);

/**
 * Returns the keys of the default mappings, if the tenant also has a mapping of its own. A default that no group used
 * until then must not give roles to a group that later takes its name.
 */
export const defaultsBesideOwn = (mappings: readonly RoleMapping[]): string[] =>
  mappings.every(isDefault) ? [] : mappings.filter(isDefault).map((m) => groupKey(m.group));

const pairKey = (mapping: RoleMapping): string => `${groupKey(mapping.group)}\u0000${mapping.role}`;

/** Sorts the properties and removes spaces at both ends, so that equal mappings have equal texts. */
const tidy = ({ group, role }: RoleMapping): RoleMapping => ({
  group: 'id' in group ? { id: group.id.toLowerCase() } : { name: group.name.trim() },
  role,
});

const tidyOkta = ({ domain, appId }: NonNullable<OktaSettings['okta']>): NonNullable<OktaSettings['okta']> => ({
  domain: domain
    .trim()
    .toLowerCase()
    .replace(/^https:\/\//, '')
    .replace(/\/+$/, ''),
  appId: appId.trim(),
});

const comparable = (settings: OktaSettings): OktaSettings => ({
  ...settings,
  roleMappings: settings.roleMappings.map(tidy),
});
