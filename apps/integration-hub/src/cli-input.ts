/** Text of the command line -> typed values; each refusal says how the text should look. */
import { readFile } from 'node:fs/promises';
import { InvalidArgumentError } from 'commander';
import type { RoleMapping } from '#events';
import { Problem } from '#platform';

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

/** Whether the number is acceptable is for the settings to say, in their words. */
export function number(value: string): number {
  const parsed = value.trim() === '' ? NaN : Number(value);
  if (!Number.isFinite(parsed)) throw new InvalidArgumentError('Write a number.');
  return parsed;
}

/** Okta's tokens are 42 characters; anything that fits into a header is taken, so that another form is no refusal. */
const API_TOKEN = /^[\x21-\x7e]{10,512}$/;
/** RFC 6749, appendix A.2: VSCHAR. Okta's have 64 of them. */
const CLIENT_SECRET = /^[\x21-\x7e]{10,512}$/;
const LONGEST_FILE = 4_096;

/**
 * A secret from a file, or from standard input if it is called `-`: an argument would stand in the shell's history and
 * in the list of processes. Never quoted, whatever is wrong with it.
 */
async function secretFrom(
  file: string,
  stdin: AsyncIterable<Buffer | string>,
  form: RegExp,
  lacks: string,
): Promise<string> {
  const text = (file === '-' ? await readAll(stdin) : await readFile(file, 'utf8').catch(unreadable(file))).trim();
  if (form.test(text)) return text;
  throw new Problem('invalid_request', `${file === '-' ? 'Standard input' : file} holds ${lacks}`);
}

export const apiTokenFrom = (file: string, stdin: AsyncIterable<Buffer | string>): Promise<string> =>
  secretFrom(
    file,
    stdin,
    API_TOKEN,
    'no API token of Okta: there must be the token alone, on one line, without "SSWS" and without quotes.',
  );

export const clientSecretFrom = (file: string, stdin: AsyncIterable<Buffer | string>): Promise<string> =>
  secretFrom(
    file,
    stdin,
    CLIENT_SECRET,
    'no client secret: there must be the secret alone, on one line, without quotes.',
  );

async function readAll(stdin: AsyncIterable<Buffer | string>): Promise<string> {
  let text = '';
  for await (const chunk of stdin) {
    text += chunk.toString();
    if (text.length > LONGEST_FILE) break;
  }
  return text;
}

const unreadable = (file: string) => (error: NodeJS.ErrnoException) => {
  throw new Problem('invalid_request', `The file ${file} cannot be read (${error.code ?? error.message}).`);
};
