/** Text of the command line -> typed values; each refusal says how the text should look. */
import { InvalidArgumentError } from 'commander';
import type { RoleMapping } from '#events';

export function onOff(value: string): boolean {
  if (value === 'on') return true;
  if (value === 'off') return false;
  throw new InvalidArgumentError('Say "on" or "off".');
}

/** `Group name=role`; the name may contain "=", a role cannot. */
export const mappingByName = (value: string, before: readonly RoleMapping[] = []): RoleMapping[] => {
  const { left, role } = splitMapping(value, 'Group name=role');
  return [...before, { group: { name: left }, role }];
};

/** `<group id>=role`. */
export const mappingById = (value: string, before: readonly RoleMapping[] = []): RoleMapping[] => {
  const { left, role } = splitMapping(value, '<group id>=role');
  return [...before, { group: { id: left }, role }];
};

function splitMapping(value: string, form: string): { left: string; role: string } {
  const at = value.lastIndexOf('=');
  const left = value.slice(0, Math.max(at, 0)).trim();
  const role = value.slice(at + 1).trim();
  if (left === '' || role === '') throw new InvalidArgumentError(`Write it as "${form}".`);
  return { left, role };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A group by name or by id. */
export const groupToUnmap = (
  value: string,
  before: readonly { group: RoleMapping['group'] }[] = [],
): { group: RoleMapping['group'] }[] => [...before, { group: UUID.test(value) ? { id: value } : { name: value } }];

export const roleList = (value: string): string[] => value.split(',').map((role) => role.trim());

const UNITS: Readonly<Record<string, number>> = { '': 1_000, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LONGEST_GRACE_MS = 30 * 86_400_000;

/** `0`, `90s`, `30m`, `24h`, `7d` -> milliseconds. */
export function duration(value: string): number {
  const match = /^(\d{1,9})(s|m|h|d)?$/.exec(value.trim());
  const ms = match && Number(match[1]) * (UNITS[match[2] ?? ''] ?? NaN);
  if (ms === null || (match?.[2] === undefined && ms !== 0))
    throw new InvalidArgumentError('Write a number with s, m, h or d, for example 24h; or 0.');
  if (ms > LONGEST_GRACE_MS) throw new InvalidArgumentError('30 days (30d) is the longest grace.');
  return ms;
}
