/**
 * Parses JSON of any size without blocking the event loop. A scanner refuses a body with too many values before any
 * object exists. It cuts long lists and objects at their commas, and JSON.parse reads one slice after the other.
 */
import { randomInt } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LIMITS, quote, ScimError } from '#scim';

/** The most that one body may hold. */
export interface JsonLimits {
  /** Objects and lists. */
  readonly containers: number;
  /** Values of attributes and elements of lists, at every level. */
  readonly values: number;
}

/** JSON.parse needs about 1 ms for a slice. */
const SLICE_BYTES = 64 * 1024;
/** Other requests get their turn after this many bytes, i.e. after about 5 ms. */
const TURN_BYTES = 4 * SLICE_BYTES;

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

interface Container {
  readonly isList: boolean;
  readonly start: number;
  commas: number;
  /** Start of the slice that is being scanned. */
  slice: number;
  /** The slice up to `rest`, with a number in place of each container that was parsed in slices. Often empty. */
  text: string;
  rest: number;
  /** The elements of a list, or the entries of an object, from the slices so far. */
  parsed?: unknown[];
}

/** Throws `invalidSyntax` for a body that is no JSON, and `tooMany` beyond the limits. */
export function parseJson(bytes: Buffer, limits: JsonLimits): Promise<unknown> {
  return new Parser(bytes, limits).parse();
}

class Parser {
  private readonly root = container(false, 0);
  private readonly stack: Container[] = [];
  private containers = 0;
  private values = 1;
  /** Numbers in the text stand for parsed containers. They start at random, so that no body can name one. */
  private next = randomInt(2 ** 46, 2 ** 47);
  private readonly parsed = new Map<number, unknown>();

  constructor(
    private readonly bytes: Buffer,
    private readonly limits: JsonLimits,
  ) {}

  async parse(): Promise<unknown> {
    const { bytes } = this;
    let turn = 0;
    let token = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) at = this.endOfText(at);
      else if (byte === COMMA) this.comma(at);
      else if (byte === OPEN_LIST || byte === OPEN_OBJECT) this.open(at, byte === OPEN_LIST);
      else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) this.close(at, byte === CLOSE_LIST);
      else continue;
      if (at - token > LIMITS.bodyTokenBytes) throw longToken();
      token = at;
      if (at - turn < TURN_BYTES) continue;
      turn = at;
      await nextTurn();
    }
    if (bytes.length - token > LIMITS.bodyTokenBytes) throw longToken();
    if (this.stack.length > 0) throw malformed('it ends too early');
    return this.json(this.root, '', bytes.length, '');
  }

  private endOfText(start: number): number {
    const { bytes } = this;
    for (let at = start + 1; at < bytes.length; at++) {
      if (bytes[at] === QUOTE) return at;
      if (bytes[at] === BACKSLASH) at++;
    }
    throw malformed('it ends inside a text');
  }

  private open(at: number, isList: boolean): void {
    if (++this.containers > this.limits.containers) throw tooMany('objects and lists', this.limits.containers);
    this.count();
    if (this.stack.push(container(isList, at, at + 1)) > LIMITS.bodyDepth)
      throw ScimError.of(
        'invalidSyntax',
        `The objects and lists of the request body are nested more than ${LIMITS.bodyDepth} levels deep, which is the limit.`,
      );
  }

  private comma(at: number): void {
    this.count();
    const container = this.stack.at(-1);
    if (!container) return; // JSON.parse refuses it
    if (++container.commas >= LIMITS.bodyAttributes && !container.isList)
      throw ScimError.of(
        'tooMany',
        `An object in the request body has more than ${LIMITS.bodyAttributes.toLocaleString('en')} attributes, which is the limit.`,
      );
    if (at - container.slice >= SLICE_BYTES) this.cut(container, at);
  }

  private close(at: number, isList: boolean): void {
    const container = this.stack.pop();
    if (container?.isList !== isList) throw malformed(`the bracket at byte ${at + 1} closes nothing`);
    if (!container.parsed && container.text === '') return; // the text of the outer container still contains it
    const outer = this.stack.at(-1) ?? this.root;
    outer.text += this.raw(outer.rest, container.start);
    outer.text += container.parsed
      ? this.standIn(container, at)
      : this.raw(container.start, container.start + 1) + container.text + this.raw(container.rest, at + 1);
    outer.rest = at + 1;
  }

  private count(): void {
    if (++this.values > this.limits.values) throw tooMany('values', this.limits.values);
  }

  /** Parses the slice that ends at `at`. An empty slice would hide a comma without a value. */
  private cut(container: Container, at: number): void {
    const { isList } = container;
    const slice = this.json(container, isList ? '[' : '{', at, isList ? ']' : '}') as object;
    const items: unknown[] = Array.isArray(slice) ? slice : Object.entries(slice);
    if (items.length === 0) throw malformed(`a value is missing before byte ${at + 1}`);
    if (container.parsed) for (const item of items) container.parsed.push(item);
    else container.parsed = items;
    container.text = '';
    container.slice = container.rest = at + 1;
  }

  private standIn(container: Container, at: number): string {
    this.cut(container, at);
    // `fromEntries` defines the key `__proto__` like any other, as JSON.parse does.
    const value = container.isList
      ? container.parsed
      : Object.fromEntries(container.parsed as (readonly [string, unknown])[]);
    this.parsed.set(this.next, value);
    return ` ${this.next++} `;
  }

  private json(container: Container, before: string, end: number, after: string): unknown {
    const text = before + container.text + this.raw(container.rest, end) + after;
    try {
      return container.text === '' ? JSON.parse(text) : JSON.parse(text, this.restore);
    } catch (error) {
      const message = error instanceof Error ? error.message : '';
      if (before === '' && container.text === '') throw malformed(message);
      // The position in the message counts from the start of the slice.
      throw malformed(
        message.replace(/ at position .*$/, ''),
        ` Look between the bytes ${container.slice} and ${end}.`,
      );
    }
  }

  private readonly restore = (_key: string, value: unknown): unknown =>
    typeof value === 'number' && this.parsed.has(value) ? this.parsed.get(value) : value;

  private raw(start: number, end: number): string {
    return this.bytes.toString('utf8', start, end);
  }
}

const container = (isList: boolean, start: number, inside = start): Container => ({
  isList,
  start,
  commas: 0,
  slice: inside,
  text: '',
  rest: inside,
});

const malformed = (what: string, where = ''): ScimError =>
  ScimError.of('invalidSyntax', `The request body is not valid JSON: ${quote(what)}.${where}`);

const tooMany = (what: string, limit: number): ScimError =>
  ScimError.of(
    'tooMany',
    `The request body has more than ${limit.toLocaleString('en')} ${what}, which is the limit. Split it into several requests.`,
  );

const longToken = (): ScimError =>
  ScimError.of(
    'invalidValue',
    `The request body contains a text or a gap of more than ${LIMITS.bodyTokenBytes / 1024 / 1024} MiB, which is the limit.`,
  );
