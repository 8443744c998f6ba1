/** Generates random ids and secrets in Cognito's alphabets. */
import { randomInt } from 'node:crypto';

export const ALPHANUMERIC = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
export const LOWER_CASE = '0123456789abcdefghijklmnopqrstuvwxyz';

export const randomText = (length: number, alphabet: string): string =>
  Array.from({ length }, () => alphabet.charAt(randomInt(alphabet.length))).join('');
