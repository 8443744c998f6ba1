/** Pages of a list. A cursor is the position of the last row of a page, as a text that only the service reads. */
import { Problem } from './problem.js';

/**
 * Returns the first `limit` rows, and the cursor of the next page if `rows` has more than `limit` rows. Callers
 * therefore read `limit` + 1 rows.
 */
export function pageOf<T>(rows: readonly T[], limit: number, positionOf: (last: T) => readonly string[]) {
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return { page, next: last ? Buffer.from(JSON.stringify(positionOf(last))).toString('base64url') : null };
}

/** Returns the position that a cursor of {@link pageOf} contains. Each part has to match its pattern. */
export function parseCursor<P extends readonly RegExp[]>(cursor: string, ...patterns: P): { [K in keyof P]: string } {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    const fits = (pattern: RegExp, part: unknown) => typeof part === 'string' && pattern.test(part);
    if (Array.isArray(parts) && parts.length === patterns.length && patterns.every((one, i) => fits(one, parts[i])))
      return parts as unknown as { [K in keyof P]: string };
  } catch {
    // Refused below.
  }
  throw new Problem(
    'invalid_request',
    'This service did not issue the cursor. Pass the cursor of the previous page, or no cursor for the first page.',
    undefined,
    { cursor },
  );
}

export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Sorts before every id, so a page or a turn that begins after it is the first one. */
export const NIL_UUID = '00000000-0000-0000-0000-000000000000';
/** A part of a cursor that may be any text, e.g. a name. */
export const CURSOR_TEXT = /^/;
