import { randomInt, timingSafeEqual } from 'node:crypto';

export const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);

export const LOWER_CASE = '0123456789abcdefghijklmnopqrstuvwxyz';
export const ALPHANUMERIC = `${LOWER_CASE}ABCDEFGHIJKLMNOPQRSTUVWXYZ`;

export const randomText = (length: number, alphabet = ALPHANUMERIC): string =>
  Array.from({ length }, () => alphabet.charAt(randomInt(alphabet.length))).join('');

/** Compares two secrets. The time does not depend on their content. */
export function sameText(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
