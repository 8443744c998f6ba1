/** An account id (UUID) as four 32-bit numbers, which cost less memory than a string. */

export interface AccountKey {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Returns undefined if `text` is not a UUID. Upper and lower case give the same id. */
export function parseAccountId(text: string): AccountKey | undefined {
  if (!UUID.test(text)) return undefined;
  return {
    a: parseInt(text.slice(0, 8), 16),
    b: parseInt(text.slice(9, 13) + text.slice(14, 18), 16),
    c: parseInt(text.slice(19, 23) + text.slice(24, 28), 16),
    d: parseInt(text.slice(28, 36), 16),
  };
}
