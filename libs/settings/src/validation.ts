/** The rules for settings. Each fault is one sentence for the administrator, and all faults are reported together. */
import { z } from 'zod';
import type { RoleMapping } from '#events';
import type { OktaSettings } from './defaults.js';

export const SETTINGS_LIMITS = { mappings: 1000, roles: 50, groupName: 256, roleName: 64 } as const;

/** Role names become Cognito groups and claims, where plain lower-case words need no escaping. */
const ROLE_NAME = /^[a-z][a-z0-9_]*$/;

export class SettingsError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(faults.join(' '));
    this.name = 'SettingsError';
  }
}

/** Returns the key by which group names are compared, without regard to case and to spaces at both ends. */
export const groupNameKey = (name: string): string => name.trim().normalize('NFC').toLowerCase();

/** Returns the key by which mapped groups are compared, without regard to the case of ids and names. */
export function groupKey(group: RoleMapping['group']): string {
  return 'id' in group ? `id:${group.id.toLowerCase()}` : `name:${groupNameKey(group.name)}`;
}

export const groupLabel = (group: RoleMapping['group']): string =>
  'id' in group ? `the group with id ${group.id}` : `the group "${group.name}"`;

export function settingsFaults(settings: OktaSettings): string[] {
  return [
    ...roleFaults(settings.roles),
    ...mappingFaults(settings.roleMappings, settings.roles),
    ...brakeFaults(settings.brake),
    ...oktaFaults(settings.okta),
    ...ssoFaults(settings.sso),
  ];
}

function brakeFaults(brake: OktaSettings['brake']): string[] {
  if (brake === null) return [];
  const { percent, atLeast, windowMinutes, holdHours, lastAdminHoldMinutes = 1 } = brake;
  const whole = (value: number, most: number): boolean => Number.isInteger(value) && value >= 1 && value <= most;
  return [
    ...(percent >= 0 && percent <= 100 ? [] : [`The brake's percentage is ${percent}; it must be from 0 to 100.`]),
    ...(whole(atLeast, 1_000_000)
      ? []
      : [`The brake's minimum of accounts is ${atLeast}; it must be a whole number from 1 to 1,000,000.`]),
    ...(whole(windowMinutes, 1440)
      ? []
      : [`The brake's window is ${windowMinutes} minutes; it must be a whole number from 1 to 1,440.`]),
    ...(whole(holdHours, 168)
      ? []
      : [`The brake's hold time is ${holdHours} hours; it must be a whole number from 1 to 168 (a week).`]),
    ...(whole(lastAdminHoldMinutes, 10_080)
      ? []
      : [
          `The brake's hold time of the last administrator is ${lastAdminHoldMinutes} minutes; it must be a whole number from 1 to 10,080 (a week).`,
        ]),
  ];
}

/** A host that ends in "-admin" serves the org's admin console, not its APIs. */
const ORG = /^(?![a-z0-9-]*-admin\.)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.(?:okta|oktapreview|okta-emea)\.com$/;

/** True for the bare host of an org under one of Okta's own domains, such as `acme.okta.com`. */
export const isOktaDomain = (domain: string): boolean => ORG.test(domain);

function oktaFaults(okta: OktaSettings['okta']): string[] {
  if (okta === null) return [];
  return [
    ...(isOktaDomain(okta.domain)
      ? []
      : [
          `${quote(okta.domain)} is not an Okta domain; give it as in "your-org.okta.com", without https:// and without "-admin".`,
        ]),
    ...(/^[A-Za-z0-9]{1,64}$/.test(okta.appId)
      ? []
      : [
          `${quote(okta.appId)} is not the id of an Okta app; it is the part that begins with 0oa in the address of the app's page.`,
        ]),
  ];
}

/** The pattern of an issuer also matches custom domains, which auth-service limits to a configured list. */
const ISSUER = /^https:\/\/(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}(?:\/oauth2\/[A-Za-z0-9]{1,64})?$/;

function ssoFaults(sso: OktaSettings['sso']): string[] {
  if (sso === null) return [];
  return [
    ...(ISSUER.test(sso.issuer)
      ? []
      : [
          `${quote(sso.issuer)} is not an Okta issuer; give it as in "https://your-org.okta.com", or "https://your-org.okta.com/oauth2/default" for a custom authorization server, without a slash at the end.`,
        ]),
    ...(/^[A-Za-z0-9._-]{1,128}$/.test(sso.clientId)
      ? []
      : [`${quote(sso.clientId)} is not an OIDC client id; copy it from the General tab of the OIDC app in Okta.`]),
  ];
}

function roleFaults(roles: readonly string[]): string[] {
  const faults: string[] = [];
  if (roles.length === 0) faults.push('The list of roles is empty; name at least one role, highest precedence first.');
  if (roles.length > SETTINGS_LIMITS.roles)
    faults.push(`There are ${roles.length} roles; the limit is ${SETTINGS_LIMITS.roles}.`);
  const seen = new Set<string>();
  for (const role of roles) {
    if (role.trim() === '') faults.push('A role has an empty name; give it a name or remove it.');
    else if (!ROLE_NAME.test(role) || role.length > SETTINGS_LIMITS.roleName)
      faults.push(
        `${quote(role)} cannot be a role name; use lower-case letters, digits and underscores, a letter first, at most ${SETTINGS_LIMITS.roleName} characters.`,
      );
    if (seen.has(role))
      faults.push(`The role ${quote(role)} is twice in the list of roles; list it once, at its precedence.`);
    seen.add(role);
  }
  return faults;
}

function mappingFaults(mappings: readonly RoleMapping[], roles: readonly string[]): string[] {
  const faults: string[] = [];
  if (mappings.length > SETTINGS_LIMITS.mappings)
    return [
      `There are ${mappings.length} group mappings; the limit is ${SETTINGS_LIMITS.mappings}. Map fewer groups, or put people into fewer groups in Okta.`,
    ];
  const known = new Set(roles);
  const seen = new Set<string>();
  for (const { group, role } of mappings) {
    const label = groupLabel(group);
    faults.push(...groupFaults(group, role));
    if (!known.has(role))
      faults.push(
        `${capital(label)} is mapped to the role ${quote(role)}, which does not exist; the roles are: ${roles.join(', ') || 'none'}.`,
      );
    const pair = `${groupKey(group)}\u0000${role}`;
    if (seen.has(pair))
      faults.push(
        `${capital(label)} is mapped to the role ${quote(role)} twice; once is enough (group names are compared without regard to case).`,
      );
    seen.add(pair);
  }
  return faults;
}

function groupFaults(group: RoleMapping['group'], role: string): string[] {
  if ('id' in group)
    return z.uuid().safeParse(group.id).success
      ? []
      : [
          `${quote(group.id)} is not a group id; a group id is a UUID, as SCIM returned it. To map by name, give the name of the group.`,
        ];
  if (group.name.trim() === '') return [`A mapping to the role ${quote(role)} has no group; name the Okta group.`];
  if (group.name.length > SETTINGS_LIMITS.groupName)
    return [
      `The group name that begins with ${quote(group.name.slice(0, 40))} is longer than ${SETTINGS_LIMITS.groupName} characters.`,
    ];
  if (/\p{Cc}/u.test(group.name))
    return [`The group name ${quote(group.name)} contains a control character; type it again.`];
  return [];
}

const quote = (value: string): string => JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);
const capital = (sentence: string): string => sentence.charAt(0).toUpperCase() + sentence.slice(1);
