/** Parses text of the command line into typed values. Each error describes the expected text. */
import { readFile } from 'node:fs/promises';
import { InvalidArgumentError } from 'commander';
import { Refusal, usage } from './refusal.js';

export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const collect = (value: string, before: readonly string[] = []): string[] => [...before, value.trim()];

export const list = (value: string): string[] => value.split(',').map((item) => item.trim());

export function onOff(value: string): boolean {
  if (value === 'on') return true;
  if (value === 'off') return false;
  throw new InvalidArgumentError('Say "on" or "off".');
}

/** Parses any finite number. The service that owns the setting checks its range. */
export function number(value: string): number {
  const parsed = value.trim() === '' ? NaN : Number(value);
  if (!Number.isFinite(parsed)) throw new InvalidArgumentError('Write a number.');
  return parsed;
}

export function positive(value: string): number {
  const parsed = Number(value);
  if (!Number.isInteger(parsed) || parsed < 1) throw new InvalidArgumentError('Write a whole number above 0.');
  return parsed;
}

export function time(value: string): string {
  const parsed = new Date(value);
  if (Number.isNaN(parsed.getTime())) throw new InvalidArgumentError('Write an instant like 2026-11-24T08:00:00Z.');
  return parsed.toISOString();
}

const UNITS: Readonly<Record<string, number>> = { '': 1_000, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LONGEST_GRACE_MS = 30 * 86_400_000;

/** Parses `0`, `90s`, `30m`, `24h` or `7d` into milliseconds. */
export function duration(value: string): number {
  const match = /^(\d{1,9})(s|m|h|d)?$/.exec(value.trim());
  const ms = match && Number(match[1]) * (UNITS[match[2] ?? ''] ?? NaN);
  if (ms === null || (match?.[2] === undefined && ms !== 0))
    throw new InvalidArgumentError('Write 0, or a number with s, m, h or d, for example 24h.');
  if (ms > LONGEST_GRACE_MS) throw new InvalidArgumentError('The longest possible time is 30 days (30d).');
  return ms;
}

export type Stdin = AsyncIterable<Buffer | string>;
const LONGEST_FILE = 65_536;

/** Reads a file, or standard input for `-`. Never read a secret from an argument: the shell's history would keep it. */
export async function textFrom(file: string, stdin: Stdin): Promise<string> {
  if (file !== '-')
    return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw usage(`The file ${file} cannot be read (${error.code ?? error.message}).`);
    });
  let text = '';
  for await (const chunk of stdin) {
    text += chunk.toString();
    if (text.length > LONGEST_FILE) break;
  }
  return text;
}

/** Reads the first line of standard input. */
export async function lineFrom(stdin: Stdin): Promise<string> {
  let text = '';
  for await (const chunk of stdin) {
    text += chunk.toString();
    if (text.includes('\n') || text.length > LONGEST_FILE) break;
  }
  return (text.split('\n')[0] ?? '').trim();
}

const SECRET = /^[\x21-\x7e]+$/;

/** Reads a secret from a file that contains nothing else. Errors never quote the secret. */
export async function secretFrom(
  file: string,
  stdin: Stdin,
  what: string,
  { min = 10, max = 512 }: { readonly min?: number; readonly max?: number } = {},
): Promise<string> {
  const source = file === '-' ? 'Standard input' : file;
  const text = (await textFrom(file, stdin)).trim();
  const fault =
    text === ''
      ? `${source} contains no valid ${what}: it is empty.`
      : !SECRET.test(text)
        ? `${source} contains no valid ${what}. It must contain only the ${what}, on one line, without "SSWS" or "Bearer", quotes or spaces.`
        : text.length < min || text.length > max
          ? `${source} contains no valid ${what}. It has ${text.length} characters, but must have ${min} to ${max}.`
          : undefined;
  if (fault !== undefined) throw new Refusal(fault);
  return text;
}
