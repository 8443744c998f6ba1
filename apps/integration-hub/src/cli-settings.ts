/** The settings as options of the command line. */
import { Option, type Command } from 'commander';
import type { RoleMapping } from '#events';
import { mappingById, mappingByName, number, onOff, roleList } from './cli-input.js';
import type { TenantChange } from './tenant-change.js';

export interface SettingsOptions {
  host?: string;
  scim?: boolean;
  groupSync?: boolean;
  deactivateOnOffboard?: boolean;
  map?: RoleMapping[];
  mapId?: RoleMapping[];
  unmap?: { group: RoleMapping['group'] }[];
  roles?: string[];
  /** Only ever false: `--no-brake`. */
  brake?: boolean;
  brakePercent?: number;
  brakeAtLeast?: number;
  brakeWindow?: number;
  brakeHold?: number;
}

/** The options that `create` and `configure` share. */
export function withSettings(command: Command): Command {
  return command
    .option('--host <name>', 'host name of its own, e.g. acme.stackflow-tech.com')
    .option('--scim <on|off>', 'SCIM Enabled', onOff)
    .option('--group-sync <on|off>', 'Group Sync: roles follow Okta groups', onOff)
    .option('--deactivate-on-offboard <on|off>', 'Deactivate on Offboard', onOff)
    .option('--map <group=role>', 'map an Okta group, by its name, to a role (repeatable)', mappingByName)
    .option('--map-id <id=role>', 'map a group, by its SCIM id, to a role (repeatable)', mappingById)
    .option('--roles <list>', 'all roles, comma-separated, highest precedence first', roleList)
    .option('--brake-percent <n>', 'brake: hold losses of access beyond this part of the active accounts', number)
    .option('--brake-at-least <n>', 'brake: this many never trip it', number)
    .option('--brake-window <minutes>', 'brake: counted over so many minutes', number)
    .option('--brake-hold <hours>', 'brake: what nobody released goes through after so many hours', number)
    .addOption(
      new Option('--no-brake', 'let every loss of access happen at once').conflicts([
        'brakePercent',
        'brakeAtLeast',
        'brakeWindow',
        'brakeHold',
      ]),
    );
}

export const changeOf = (o: SettingsOptions): TenantChange => ({
  host: o.host,
  scimEnabled: o.scim,
  groupSync: o.groupSync,
  deactivateOnOffboard: o.deactivateOnOffboard,
  roles: o.roles,
  map: [...(o.map ?? []), ...(o.mapId ?? [])],
  unmap: o.unmap,
  brake: brakeChange(o),
});

function brakeChange(o: SettingsOptions): TenantChange['brake'] {
  if (o.brake === false) return null;
  const given = {
    ...(o.brakePercent !== undefined && { percent: o.brakePercent }),
    ...(o.brakeAtLeast !== undefined && { atLeast: o.brakeAtLeast }),
    ...(o.brakeWindow !== undefined && { windowMinutes: o.brakeWindow }),
    ...(o.brakeHold !== undefined && { holdHours: o.brakeHold }),
  };
  return Object.keys(given).length === 0 ? undefined : given;
}
