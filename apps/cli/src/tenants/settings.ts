import { InvalidArgumentError } from 'commander';
import { list, negation, number, onOff, option, UUID, type FlagsOf } from '#command-line';
import type { GroupRoleMapping, GroupUnmapping, SettingsChangeBody } from '#contracts';

/** The options that `create` and `configure` share. */
export const settingsOptions = {
  host: option('--host <name>', 'own host name of the tenant, e.g. acme.stackflow-tech.com'),
  noHost: negation('--no-host', 'remove the host name'),
  scim: option('--scim <on|off>', 'SCIM Enabled', onOff),
  groupSync: option('--group-sync <on|off>', 'Group Sync: roles follow Okta groups', onOff),
  deactivateOnOffboard: option('--deactivate-on-offboard <on|off>', 'Deactivate on Offboard', onOff),
  map: option('--map <group=role>', 'map an Okta group, by its name, to a role (repeatable)', mapping('name')),
  mapId: option('--map-id <id=role>', 'map a group, by its SCIM id, to a role (repeatable)', mapping('id')),
  roles: option('--roles <list>', 'all roles, comma-separated, highest precedence first', list),
  brakePercent: option(
    '--brake-percent <n>',
    'brake: percentage of the active accounts that may lose access; further losses are held',
    number,
  ),
  brakeAtLeast: option('--brake-at-least <n>', 'brake: hold nobody while at most this many people lose access', number),
  brakeWindow: option('--brake-window <minutes>', 'brake: count the losses of the last n minutes', number),
  brakeHold: option('--brake-hold <hours>', 'brake: let a held loss happen automatically after n hours', number),
  brakeHoldLastAdmin: option(
    '--brake-hold-last-admin <minutes>',
    'brake: let the held loss of the last administrator happen automatically after n minutes',
    number,
  ),
  brake: negation('--no-brake', 'switch the brake off: every loss of access happens at once').conflicts([
    'brakePercent',
    'brakeAtLeast',
    'brakeWindow',
    'brakeHold',
    'brakeHoldLastAdmin',
  ]),
};

/** `host` is false if `--no-host` is given, and `brake` is false if `--no-brake` is given. */
type SettingsFlags = Partial<Omit<FlagsOf<typeof settingsOptions>, 'host' | 'brake'>> & {
  readonly host?: string | boolean;
  readonly brake?: boolean;
  readonly unmap?: readonly GroupUnmapping[];
};

export function settingsOf(flags: SettingsFlags): SettingsChangeBody {
  const map = [...(flags.map ?? []), ...(flags.mapId ?? [])];
  return named({
    host: flags.host === false ? null : (flags.host as string | undefined),
    scimEnabled: flags.scim,
    groupSync: flags.groupSync,
    deactivateOnOffboard: flags.deactivateOnOffboard,
    roles: flags.roles && [...flags.roles],
    map: map.length > 0 ? map : undefined,
    unmap: flags.unmap && [...flags.unmap],
    brake: brakeOf(flags),
  });
}

function brakeOf({ brake, ...flags }: SettingsFlags): SettingsChangeBody['brake'] {
  if (brake === false) return null;
  const given = named({
    percent: flags.brakePercent,
    atLeast: flags.brakeAtLeast,
    windowMinutes: flags.brakeWindow,
    holdHours: flags.brakeHold,
    lastAdminHoldMinutes: flags.brakeHoldLastAdmin,
  });
  return Object.keys(given).length === 0 ? undefined : given;
}

const named = <T extends object>(all: T): Partial<T> =>
  Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Partial<T>;

/** Parses `Group name=role`. The name may contain "=", but a role cannot. */
function mapping(by: 'name' | 'id') {
  return (value: string, before: readonly GroupRoleMapping[] = []): GroupRoleMapping[] => {
    const at = Math.max(value.lastIndexOf('='), 0);
    const group = value.slice(0, at).trim();
    const role = value.slice(at + 1).trim();
    if (group === '' || role === '')
      throw new InvalidArgumentError(`Write it as "${by === 'name' ? 'Group name' : '<group id>'}=role".`);
    return [...before, { group: by === 'name' ? { name: group } : { id: group }, role }];
  };
}

/** Parses a group id (a UUID) or a group name. */
export const unmapping = (value: string, before: readonly GroupUnmapping[] = []): GroupUnmapping[] => [
  ...before,
  { group: UUID.test(value) ? { id: value } : { name: value } },
];
