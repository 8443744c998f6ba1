/** Options of the command line for the settings of a tenant. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { list, number, onOff, UUID } from '#command-line';
import type { GroupRoleMapping, GroupUnmapping, SettingsChangeBody } from '#contracts';

export interface SettingsFlags {
  /** False means `--no-host`. */
  readonly host?: string | false;
  readonly scim?: boolean;
  readonly groupSync?: boolean;
  readonly deactivateOnOffboard?: boolean;
  readonly map?: readonly GroupRoleMapping[];
  readonly mapId?: readonly GroupRoleMapping[];
  readonly unmap?: readonly GroupUnmapping[];
  readonly roles?: readonly string[];
  /** False means `--no-brake`. */
  readonly brake?: false;
  readonly brakePercent?: number;
  readonly brakeAtLeast?: number;
  readonly brakeWindow?: number;
  readonly brakeHold?: number;
}

/** The options that `create` and `configure` share. */
export const settingsOptions = (command: Command): Command =>
  command
    .option('--host <name>', 'own host name of the tenant, e.g. acme.stackflow-tech.com')
    .option('--no-host', 'remove the host name')
    .option('--scim <on|off>', 'SCIM Enabled', onOff)
    .option('--group-sync <on|off>', 'Group Sync: roles follow Okta groups', onOff)
    .option('--deactivate-on-offboard <on|off>', 'Deactivate on Offboard', onOff)
    .option('--map <group=role>', 'map an Okta group, by its name, to a role (repeatable)', mapping('name'))
    .option('--map-id <id=role>', 'map a group, by its SCIM id, to a role (repeatable)', mapping('id'))
    .option('--roles <list>', 'all roles, comma-separated, highest precedence first', list)
    .option('--brake-percent <n>', 'brake: hold losses of access above this percentage of the active accounts', number)
    .option('--brake-at-least <n>', 'brake: never hold if at most this many people lose access', number)
    .option('--brake-window <minutes>', 'brake: count the losses of the last n minutes', number)
    .option('--brake-hold <hours>', 'brake: let a held loss happen automatically after n hours', number)
    .addOption(
      new Option('--no-brake', 'switch the brake off: every loss of access happens at once').conflicts([
        'brakePercent',
        'brakeAtLeast',
        'brakeWindow',
        'brakeHold',
      ]),
    );

export function settingsOf(flags: SettingsFlags): SettingsChangeBody {
  const brake = brakeOf(flags);
  const map = [...(flags.map ?? []), ...(flags.mapId ?? [])];
  return {
    ...(typeof flags.host === 'string' && { host: flags.host }),
    ...(flags.host === false && { host: null }),
    ...(flags.scim !== undefined && { scimEnabled: flags.scim }),
    ...(flags.groupSync !== undefined && { groupSync: flags.groupSync }),
    ...(flags.deactivateOnOffboard !== undefined && { deactivateOnOffboard: flags.deactivateOnOffboard }),
    ...(flags.roles && { roles: [...flags.roles] }),
    ...(map.length > 0 && { map }),
    ...(flags.unmap && { unmap: [...flags.unmap] }),
    ...(brake !== undefined && { brake }),
  };
}

function brakeOf(flags: SettingsFlags): SettingsChangeBody['brake'] | undefined {
  if (flags.brake === false) return null;
  const given = {
    ...(flags.brakePercent !== undefined && { percent: flags.brakePercent }),
    ...(flags.brakeAtLeast !== undefined && { atLeast: flags.brakeAtLeast }),
    ...(flags.brakeWindow !== undefined && { windowMinutes: flags.brakeWindow }),
    ...(flags.brakeHold !== undefined && { holdHours: flags.brakeHold }),
  };
  return Object.keys(given).length === 0 ? undefined : given;
}

/** `Group name=role`; the name may contain "=", a role cannot. */
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

/** A group by name or by id. */
export const unmapping = (value: string, before: readonly GroupUnmapping[] = []): GroupUnmapping[] => [
  ...before,
  { group: UUID.test(value) ? { id: value } : { name: value } },
];
