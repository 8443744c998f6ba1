/** Prints the output of the launcher: one line for each step with its duration, messages, and log lines of services. */
import { styleText } from 'node:util';
import { readable } from './log-line.js';

/** Receives the progress of a start. */
export interface Progress {
  /** Runs one step. `waitingFor` names what a long step still waits for. */
  step<T>(name: string, work: () => Promise<T>, waitingFor?: () => string): Promise<T>;
  say(text: string): void;
}

export const silent: Progress = { step: (_name, work) => work(), say: () => undefined };

const STEP_WIDTH = 60;
/** Width of the longest name of a service. */
const NAME_WIDTH = 'deactivation-worker'.length;
const COLOURS = ['cyan', 'magenta', 'blue', 'green', 'yellow'] as const;
const STILL_EVERY_MS = 10_000;

interface Step {
  readonly line: string;
  readonly notes: string[];
  /** Whether other lines were printed after the incomplete line of the step. */
  broken: boolean;
}

export class Terminal implements Progress {
  private readonly began = performance.now();
  private readonly names: string[] = [];
  /** The step whose line is not complete yet. */
  private current: Step | undefined;

  constructor(
    private readonly out: { write(text: string): unknown } = process.stdout,
    private readonly colours = process.stdout.isTTY && !process.env.NO_COLOR,
  ) {}

  seconds(): string {
    return secondsSince(this.began);
  }

  /** Prints a message. During a step, the message is added to the line of the step. */
  say(text: string): void {
    if (this.current) this.current.notes.push(text);
    else this.out.write(`${text}\n`);
  }

  async step<T>(name: string, work: () => Promise<T>, waitingFor = () => ''): Promise<T> {
    const began = performance.now();
    const current: Step = {
      line: `  ${name} ${this.dim('.'.repeat(Math.max(3, STEP_WIDTH - name.length)))} `,
      notes: [],
      broken: false,
    };
    this.current = current;
    this.out.write(current.line);
    const still = setInterval(() => {
      const what = waitingFor() || this.current?.notes.at(-1) || 'this step';
      this.between(`    after ${secondsSince(began)}: still waiting for ${what}`);
    }, STILL_EVERY_MS);
    const end = (result: string): void => {
      clearInterval(still);
      this.current = undefined;
      const notes = current.notes.map((note) => `\n    ${note}`).join('');
      this.out.write(`${current.broken ? current.line : ''}${result}${this.dim(notes)}\n`);
    };
    try {
      const result = await work();
      end(secondsSince(began).padStart(6));
      return result;
    } catch (error) {
      end('failed');
      throw error;
    }
  }

  /** Prints a line that a service has logged. */
  log(service: string, line: string): void {
    if (!this.names.includes(service)) this.names.push(service);
    const colour = COLOURS[this.names.indexOf(service) % COLOURS.length] ?? 'cyan';
    const name = service.padEnd(NAME_WIDTH);
    this.between(`${this.colours ? styleText(colour, name, FORCED) : name}  ${readable(line, this.colours)}`);
  }

  /** Prints a line at once, also during a step. */
  private between(line: string): void {
    this.out.write(`${this.current && !this.current.broken ? '\n' : ''}${line}\n`);
    if (this.current) this.current.broken = true;
  }

  strong(text: string): string {
    return this.colours ? styleText('bold', text, FORCED) : text;
  }

  private dim(text: string): string {
    return this.colours && text ? styleText('dim', text, FORCED) : text;
  }
}

/** The caller decides about colours. */
const FORCED = { validateStream: false };

const secondsSince = (began: number): string => `${((performance.now() - began) / 1000).toFixed(1)} s`;
