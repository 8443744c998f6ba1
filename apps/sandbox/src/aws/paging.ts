/** Page tokens of AWS lists. A token is the last key of a page in base64url. */
import { invalidParameter } from './aws-error.js';

const PAGE_SIZE = 60;

/** Returns the key after which the page starts, or `''` for the first page. */
export function pageStart(token: string | undefined): string {
  if (token === undefined) return '';
  const [tag, ...rest] = Buffer.from(token, 'base64url').toString('utf8').split('|');
  if (tag !== 'after') throw invalidParameter('Invalid pagination token provided.');
  return rest.join('|');
}

/** Splits `size + 1` rows into a page of `size` rows and the token of the next page. */
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

/**
 * Prepares a page of a Cognito list. The query parameters `values` are the start key and the number of rows to read.
 */
export function paged(
  {
    Limit,
    ...tokens
  }: { Limit?: number | undefined; NextToken?: string | undefined; PaginationToken?: string | undefined },
  tokenName: 'NextToken' | 'PaginationToken' = 'NextToken',
) {
  const size = Limit || PAGE_SIZE;
  return {
    values: [pageStart(tokens[tokenName]), size + 1],
    answer: <K extends string, T extends Record<K, string>>(
      list: string,
      rows: readonly T[],
      key: K,
      view: (row: T) => object,
    ): object => {
      const { rows: shown, next } = page(rows, size, (row) => row[key]);
      return { [list]: shown.map(view), ...(next === undefined ? {} : { [tokenName]: next }) };
    },
  };
}
