/** Reads the JSON log lines of services, and formats them for a person. */
import { styleText } from 'node:util';

export interface LogEntry {
  readonly level: string;
  readonly msg: string;
  readonly time?: string;
  readonly [field: string]: unknown;
}

/** Returns undefined if the line is not a JSON log line. */
export function parseLogLine(line: string): LogEntry | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const entry = JSON.parse(line) as Partial<LogEntry>;
    return typeof entry.msg === 'string' && typeof entry.level === 'string' ? (entry as LogEntry) : undefined;
  } catch {
    return undefined;
  }
}

const LEVEL_COLOURS: Readonly<Record<string, 'yellow' | 'red'>> = { warn: 'yellow', error: 'red', fatal: 'red' };

/** Returns time, level, message and the other fields in one line, then the stack of an error. Other lines stay as they are. */
export function readable(line: string, colours = false): string {
  const entry = parseLogLine(line);
  if (!entry) return line;
  const { level, msg, time = '', service: _service, err, ...facts } = entry;
  const paint = (colour: 'yellow' | 'red' | 'dim' | undefined, text: string): string =>
    colours && colour ? styleText(colour, text, { validateStream: false }) : text;
  const { message, stack, ...error } = (err ?? {}) as Record<string, unknown>;
  const shown = Object.entries({
    ...facts,
    ...error,
    ...(message !== undefined && message !== msg && { error: message }),
  })
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
  const frames = typeof stack === 'string' ? stack.split('\n').slice(1).join('\n') : '';
  return [
    time.slice(11, 23),
    paint(LEVEL_COLOURS[level], level.padEnd(5)),
    paint(LEVEL_COLOURS[level], msg),
    paint('dim', shown),
  ]
    .filter(Boolean)
    .join(' ')
    .concat(frames && `\n${paint('dim', frames)}`);
}
