import fc from 'fast-check';
import { LIMITS } from '#scim';
import { parseJson } from './json.js';

const limits = LIMITS.groupBody;
const parse = (text: string) => parseJson(Buffer.from(text), limits);
/** Longer than a slice, so that the parser cuts whatever contains it. */
const long = 'x'.repeat(70_000);
const member = (n: number) => ({ value: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`, display: `p${n}@x` });

describe('JSON in slices', () => {
  it('equals the result of JSON.parse, for any JSON that is cut anywhere', async () => {
    const key = fc.oneof(fc.constantFrom('__proto__', 'a', '0', 'constructor', ''), fc.string());
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.constant(long),
        fc.constant(`"\\${long}\\"[{,`),
        fc.jsonValue({ maxDepth: 2 }),
        fc.array(tie('value'), { maxLength: 6 }),
        fc.dictionary(key, tie('value'), { maxKeys: 6 }),
      ),
    }));
    await fc.assert(
      fc.asyncProperty(value, fc.constantFrom(0, 1), async (sent, indent) => {
        const text = JSON.stringify(sent, undefined, indent);
        expect(await parse(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 150 },
    );
  });

  it('refuses what JSON.parse refuses, wherever a byte is missing, doubled or replaced', async () => {
    const text = JSON.stringify({ a: [long, [long, { b: [1, long, 2], c: long }, 3], long], d: { e: long, f: [] } });
    const marks = [...text.matchAll(/[[\]{}:,"]|\d/g)].map((match) => match.index);
    const edits = marks.flatMap((at) =>
      ['', ',', '[', ']', '{', '}', ':', '"', '1', text.slice(at, at + 1).repeat(2)].map(
        (put) => text.slice(0, at) + put + text.slice(at + 1),
      ),
    );
    for (const edited of edits) {
      const expected = await Promise.resolve(edited)
        .then(JSON.parse)
        .catch(() => 'refused');
      const actual = await parse(edited).catch((error: { detail: string }) => {
        expect(error.detail).toMatch(/not valid JSON/);
        return 'refused';
      });
      expect(actual).toEqual(expected);
    }
  });

  it('keeps the last of two equal keys, also in different slices, and a key named __proto__', async () => {
    const text = `{"a":1,"b":"${long}","a":2,"__proto__":{"active":false},"c":"${long}"}`;
    const parsed = (await parse(text)) as Record<string, unknown>;
    expect(parsed['a']).toBe(2);
    expect(Object.keys(parsed)).toEqual(['a', 'b', '__proto__', 'c']);
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype);
  });

  it.each([
    ['a bracket that closes another kind', `{"a":["${long}",1}}`],
    ['a comma before the first element', `[${' '.repeat(70_000)},1]`],
    ['a comma after the last element', `["${long}",1,]`],
    ['a comma after the last attribute', `{"a":"${long}","b":1,}`],
    ['two commas', `["${long}",,1]`],
    ['a cut list as the name of an attribute', `{["${long}",1]:2}`],
    ['a cut list beside a number', `[1["${long}",1]]`],
    ['text after the end', `["${long}",1] x`],
    ['two values', `["${long}",1]["${long}",1]`],
    ['half a body', `{"members":["${long}",{"value":"a"`],
    ['half a text', `["${long}","a`],
    ['a byte order mark', `\ufeff{"a":["${long}",1]}`],
    ['single quotes', `['a']`],
    ['NaN', '[NaN]'],
  ])('refuses %s', async (_, text) => {
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
    await expect(parse(text)).rejects.toMatchObject({ status: 400, options: { scimType: 'invalidSyntax' } });
  });

  it('says between which bytes the mistake is', async () => {
    const members = Array.from({ length: 3_000 }, (_, n) => JSON.stringify(member(n)));
    members[2_000] = '{"value":oops}';
    const text = `{"members":[${members.join()}]}`;
    const error = await parse(text).catch((e: { detail: string }) => e.detail);
    const [, from, to] = /bytes (\d+) and (\d+)/.exec(String(error)) ?? [];
    expect(text.slice(Number(from), Number(to))).toContain('oops');
    expect(Number(to) - Number(from)).toBeLessThan(70_000);
  });

  it('lets other work run while it parses a long list', async () => {
    const text = JSON.stringify({ members: Array.from({ length: 100_000 }, (_, n) => member(n)) });
    let turns = 0;
    let parsing = true;
    const count = () => void (parsing && (turns++, setImmediate(count)));
    setImmediate(count);
    const parsed = (await parse(text)) as { members: unknown[] };
    parsing = false;
    expect(parsed.members).toHaveLength(100_000);
    expect(parsed.members[99_999]).toEqual(member(99_999));
    expect(turns).toBeGreaterThan(text.length / 400_000);
  });
});

describe('the limits of a body', () => {
  const refused = (scimType: string, detail: RegExp) => ({
    status: 400,
    detail: expect.stringMatching(detail) as string,
    options: { scimType },
  });
  it.each([
    ['lists', `{"a":${'['.repeat(31)}${']'.repeat(31)}}`, `{"a":${'['.repeat(32)}${']'.repeat(32)}}`],
    ['objects', `${'{"a":'.repeat(31)}{}${'}'.repeat(31)}`, `${'{"a":'.repeat(32)}{}${'}'.repeat(32)}`],
  ])('are 32 levels of %s', async (_, allowed, tooDeep) => {
    await expect(parse(allowed)).resolves.toEqual(JSON.parse(allowed));
    await expect(parse(tooDeep)).rejects.toMatchObject(refused('invalidSyntax', /32 levels/));
  });

  it('stop a bomb of brackets at once, however long it is', async () => {
    await expect(parse('['.repeat(4_000_000))).rejects.toMatchObject(refused('invalidSyntax', /32 levels/));
  });

  it.each([
    ['containers', `[${'[],'.repeat(limits.containers)}[]]`, /210,000 objects and lists/],
    ['values', `[${'1,'.repeat(limits.values)}1]`, /700,000 values/],
    [
      'attributes of one object',
      `{${Array.from({ length: 400_000 }, (_, n) => `"k${n}":1`).join()}}`,
      /1,000 attributes/,
    ],
  ])('count %s before any object exists', async (_, text, detail) => {
    await expect(parse(text)).rejects.toMatchObject(refused('tooMany', detail));
  });

  it('allow exactly 1,000 attributes', async () => {
    const attributes = (count: number) =>
      JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, n])));
    expect(Object.keys((await parse(attributes(1_000))) as object)).toHaveLength(1_000);
    await expect(parse(attributes(1_001))).rejects.toMatchObject(refused('tooMany', /1,000 attributes/));
  });

  it.each([
    ['text', `{"a":"${'x'.repeat(LIMITS.bodyTokenBytes)}"}`],
    ['number', `{"a":${'1'.repeat(LIMITS.bodyTokenBytes + 10)}}`],
    ['gap', `{"a":1}${' '.repeat(LIMITS.bodyTokenBytes + 10)}`],
  ])('refuse a %s of more than 1 MiB', async (_, text) => {
    await expect(parse(text)).rejects.toMatchObject(refused('invalidValue', /more than 1 MiB/));
  });
});
