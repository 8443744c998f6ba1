import { styleText } from 'node:util';

export type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold';

export interface Screen {
  /** Width of the terminal in characters. Undefined for a pipe or a file, where tables are not shortened. */
  readonly width: number | undefined;
  readonly paint: (colour: Colour, text: string) => string;
}

/** Unlimited width and no colours: for pipes, files and tests. */
export const PLAIN: Screen = { width: undefined, paint: (_, text) => text };

const NARROWEST = 40;

/** Node shows colours only on a terminal, and never if NO_COLOR is set. */
export const screenOf = (stream: NodeJS.WriteStream): Screen => ({
  // A terminal without a size reports 0 columns.
  width: stream.isTTY && stream.columns >= NARROWEST ? stream.columns : undefined,
  paint: (colour, text) => styleText(colour, text, { stream }),
});

/** Removes line breaks and control characters. A display name must not move the cursor or colour the terminal. */
export const oneLine = (text: string): string =>
  text.replace(/\s+/g, ' ').replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');

/** Formats every instant as RFC 3339 in UTC with milliseconds, as in `--json`. */
export function instant(value: string | null | undefined, missing = '-'): string {
  if (value === null || value === undefined) return missing;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? value : new Date(ms).toISOString();
}
