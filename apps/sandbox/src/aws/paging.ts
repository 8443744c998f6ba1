/** Page tokens: the last key of a page, encoded so that callers cannot rely on its form. */
import { invalidParameter } from './aws-error.js';

export const PAGE_SIZE = 60;

/** The key after which the page starts; `''` for the first page. */
export function pageStart(token: string | undefined): string {
  if (token === undefined) return '';
  const [tag, ...rest] = Buffer.from(token, 'base64url').toString('utf8').split('|');
  if (tag !== 'after') throw invalidParameter('Invalid pagination token provided.');
  return rest.join('|');
}

/** Splits `size + 1` rows into a page and the token of the next one. */
export function page<T>(
  rows: readonly T[],
  size: number,
  keyOf: (row: T) => string,
): { rows: readonly T[]; next: string | undefined } {
  const shown = rows.slice(0, size);
  const last = shown.at(-1);
  return {
    rows: shown,
    next: rows.length > size && last ? Buffer.from(`after|${keyOf(last)}`).toString('base64url') : undefined,
  };
}
