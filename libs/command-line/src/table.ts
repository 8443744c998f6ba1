import { oneLine, type Colour, type Screen } from './screen.js';

export interface Column<T> {
  readonly head: string;
  readonly cell: (row: T) => string | number | null | undefined;
  /** On a narrow terminal, the column with the highest number is narrowed first. 0, the default, means never. */
  readonly shrink?: number;
  readonly colour?: (row: T) => Colour | undefined;
}

const GAP = 2;
const NARROWEST = 8;

export function table<T>(screen: Screen, rows: readonly T[], columns: readonly Column<T>[]): string {
  const cells = rows.map((row) => columns.map(({ cell }) => oneLine(String(cell(row) ?? '-')) || '-'));
  const natural = columns.map(({ head }, i) => Math.max(head.length, ...cells.map((row) => lengthOf(row[i] ?? ''))));
  const widths = fit(columns, natural, screen.width);
  const line = (texts: readonly string[], paint: (text: string, column: number) => string): string =>
    texts
      .flatMap((text, i) => (widths[i] === 0 ? [] : [paint(pad(cut(text, widths[i] ?? 0), widths[i] ?? 0), i)]))
      .join(' '.repeat(GAP))
      .trimEnd();
  return [
    line(
      columns.map((c) => c.head),
      (text) => screen.paint('bold', text),
    ),
    ...rows.map((row, r) =>
      line(cells[r] ?? [], (text, i) => {
        const colour = columns[i]?.colour?.(row);
        return colour ? screen.paint(colour, text) : text;
      }),
    ),
  ].join('\n');
}

/** Narrows columns until the table fits, and removes columns (width 0) if that is not enough. */
function fit<T>(columns: readonly Column<T>[], natural: readonly number[], width: number | undefined): number[] {
  const widths = [...natural];
  if (width === undefined) return widths;
  const excess = (): number => widths.reduce((sum, w) => sum + (w === 0 ? 0 : w + GAP), -GAP) - width;
  const order = columns
    .map(({ shrink = 0, head }, i) => ({ i, shrink, least: Math.max(head.length, NARROWEST) }))
    .filter(({ shrink }) => shrink > 0)
    .sort((a, b) => b.shrink - a.shrink || b.i - a.i);
  for (const { i, least } of order)
    if (excess() > 0) widths[i] = Math.max(Math.min(least, widths[i] ?? 0), (widths[i] ?? 0) - excess());
  for (const { i } of order) if (excess() > 0) widths[i] = 0;
  return widths;
}

const lengthOf = (text: string): number => [...text].length;
const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - lengthOf(text)));
const cut = (text: string, width: number): string =>
  lengthOf(text) <= width ? text : `${[...text].slice(0, width - 1).join('')}…`;

/** A field without a value is left out. */
export type Field = readonly [name: string, value: string | null | undefined];

/** Formats named values below each other. Further lines of a value are indented to the column of the values. */
export function fields(all: readonly Field[], indent = ''): string {
  const rows = all.flatMap(([name, value]) => (value == null ? [] : [[name, value] as const]));
  const width = Math.max(...rows.map(([name]) => name.length)) + 3;
  const next = `\n${indent}${' '.repeat(width)}`;
  return rows
    .map(([name, value]) => `${indent}${name.padEnd(width)}${value.split('\n').map(oneLine).join(next)}`.trimEnd())
    .join('\n');
}
