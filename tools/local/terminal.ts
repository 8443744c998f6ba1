/** What a person sees: progress with seconds, and the lines of every process, told apart by name and colour. */
const COLOURS = [36, 33, 35, 32, 34, 31];

export class Terminal {
  private readonly began = performance.now();
  private readonly names: string[] = [];

  constructor(
    private readonly out: { write(text: string): unknown } = process.stdout,
    /** A person reads colours and sentences; a file gets the lines as they are. */
    private readonly pretty = process.stdout.isTTY && !process.env.NO_COLOR,
  ) {}

  seconds(): string {
    return ((performance.now() - this.began) / 1000).toFixed(1);
  }

  say(text: string): void {
    this.out.write(`${text}\n`);
  }

  progress(text: string): void {
    this.say(`[${this.seconds().padStart(5)} s] ${text}`);
  }

  service(name: string, line: string): void {
    if (!this.names.includes(name)) this.names.push(name);
    const label = name.padEnd(17);
    this.say(
      this.pretty
        ? `\u001b[${COLOURS[this.names.indexOf(name) % COLOURS.length]}m${label}\u001b[0m| ${readable(line)}`
        : `${label}| ${line}`,
    );
  }
}

/** A JSON log line as a sentence with its facts; anything else as it is. */
export function readable(line: string): string {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return line;
  }
  if (typeof entry !== 'object' || entry === null || !('msg' in entry)) return line;
  const {
    level,
    msg,
    time: _time,
    service: _service,
    pid: _pid,
    hostname: _hostname,
    ...facts
  } = entry as Record<string, unknown>;
  const shown = Object.entries(facts).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return [String(level), String(msg), ...shown].join('  ');
}
