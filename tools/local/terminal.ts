/** Prints output for a person: progress with seconds, and the lines of each process with its name and colour. */
const COLOURS = [36, 33, 35, 32, 34, 31];

export class Terminal {
  private readonly began = performance.now();
  private readonly names: string[] = [];

  constructor(
    private readonly out: { write(text: string): unknown } = process.stdout,
    /** True: prints colours and sentences, for a person. False: prints the lines unchanged, for a file. */
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

/** Turns a JSON log line into a sentence with its facts. Any other line does not change. */
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
