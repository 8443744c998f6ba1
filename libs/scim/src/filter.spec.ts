import fc from 'fast-check';
import { ScimError } from './errors.js';
import { parseFilter, type Filter } from './filter.js';
import { matches } from './matches.js';
import { printPath } from './path.js';
import type { ScimComplex } from './resource.js';
import { findAttribute, groupSchema, userSchema, type Attribute } from './schema.js';

const eq = (attribute: string, value: string): Filter => ({
  kind: 'compare',
  path: { attribute },
  operator: 'eq',
  value,
});

const print = (filter: Filter): string => {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return `(${print(filter.left)} ${filter.kind} ${print(filter.right)})`;
    case 'not':
      return `not (${print(filter.filter)})`;
    case 'present':
      return `${filter.path.attribute} pr`;
    case 'compare':
      return `${filter.path.attribute} ${filter.operator} ${JSON.stringify(filter.value)}`;
    case 'element':
      return `${filter.path.attribute}[${print(filter.filter)}]`;
  }
};

describe('filters', () => {
  it('of Okta and Entra ID are understood', () => {
    expect(parseFilter('userName eq "ada@x"')).toEqual(eq('userName', 'ada@x'));
    expect(parseFilter('emails[type eq "work"].value eq "a"')).toEqual({
      kind: 'element',
      path: { attribute: 'emails' },
      filter: { kind: 'and', left: eq('type', 'work'), right: eq('value', 'a') },
    });
  });

  it('bind "and" closer than "or", in any case', () => {
    expect(parseFilter('a EQ "1" Or b eq "2" AND c eq "3"')).toEqual({
      kind: 'or',
      left: eq('a', '1'),
      right: { kind: 'and', left: eq('b', '2'), right: eq('c', '3') },
    });
  });

  it('may name a path with a URN, a sub-attribute, pr, not and a boolean', () => {
    expect(parseFilter('urn:ietf:params:scim:schemas:core:2.0:User:name.familyName sw "O\\"M"')).toEqual({
      kind: 'compare',
      path: { urn: 'urn:ietf:params:scim:schemas:core:2.0:User', attribute: 'name', subAttribute: 'familyName' },
      operator: 'sw',
      value: 'O"M',
    });
    expect(parseFilter('not (title pr)')).toEqual({
      kind: 'not',
      filter: { kind: 'present', path: { attribute: 'title' } },
    });
    expect(parseFilter('active eq True')).toMatchObject({ value: true });
  });

  it.each([
    '',
    'userName',
    'userName eq',
    'userName eq ada',
    'userName xx "a"',
    '(a pr',
    'a pr)',
    'a pr b pr',
    'eq "x"',
    'a eq "x',
    'a[b pr',
    'a..b pr',
    'a eq "\\q"',
    '"a" eq "b"',
    'a eq "\\u0000"',
    'not a pr',
    'a pr and',
  ])('are refused as invalidFilter if they are malformed: %p', (text) => {
    expect(() => parseFilter(text)).toThrow(
      expect.objectContaining({ status: 400, options: { scimType: 'invalidFilter' } }),
    );
  });

  it('may have 1,000 characters and 20 terms at most', () => {
    const terms = (n: number) => Array.from({ length: n }, () => 'a pr').join(' or ');
    expect(() => parseFilter(terms(20))).not.toThrow();
    expect(() => parseFilter(terms(21))).toThrow(/20 terms/);
    expect(() => parseFilter(`a eq "${'x'.repeat(1_000)}"`)).toThrow(/1000/);
  });

  it('give the same tree again after printing and parsing', () => {
    const leaf = fc.oneof(
      fc
        .constantFrom('userName', 'active', 'title')
        .map((attribute): Filter => ({ kind: 'present', path: { attribute } })),
      fc
        .string({ maxLength: 8, unit: 'grapheme' })
        .filter((s) => !s.includes('\0'))
        .map((s) => eq('userName', s)),
    );
    const { tree } = fc.letrec<{ tree: Filter }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 3 },
        leaf,
        fc.record({ kind: fc.constantFrom('and' as const, 'or' as const), left: tie('tree'), right: tie('tree') }),
        tie('tree').map((filter): Filter => ({ kind: 'not', filter })),
      ),
    }));
    fc.assert(
      fc.property(tree, (filter) => expect(parseFilter(print(filter))).toEqual(filter)),
      { numRuns: 200 },
    );
  });

  it('of any text give a tree or a ScimError', () => {
    fc.assert(
      fc.property(
        fc
          .array(
            fc.constantFrom(
              'a',
              'eq',
              '"x"',
              '(',
              ')',
              '[',
              ']',
              'and',
              'or',
              'not',
              'pr',
              '.',
              ' ',
              '\\',
              'urn:x:',
              '1',
            ),
          )
          .map((p) => p.join(' ')),
        (text) => {
          try {
            parseFilter(text);
          } catch (error) {
            expect(error).toBeInstanceOf(ScimError);
          }
        },
      ),
    );
  });
});

describe('a filter of elements', () => {
  const named = (attributes: readonly Attribute[], name: string): Attribute => {
    const found = findAttribute(attributes, name);
    if (!found) throw new Error(`no attribute ${name}`);
    return found;
  };
  const emails = named(userSchema.attributes, 'emails');
  const work: ScimComplex = { value: 'Ada@x', type: 'work', primary: true };
  const home: ScimComplex = { value: 'bea@y', display: '' };
  const selected = (filter: string) => [work, home].map((element) => matches(emails, element, parseFilter(filter)));

  it.each<[string, boolean, boolean]>([
    ['value eq "ADA@X"', true, false],
    ['value ne "ada@x"', false, true],
    ['value co "DA@"', true, false],
    ['value sw "ada"', true, false],
    ['value sw "x"', false, false],
    ['value ew "@Y"', false, true],
    ['value ew "bea"', false, false],
    ['value gt "ada@x"', false, true],
    ['value ge "ada@x"', true, true],
    ['value ge "b"', false, true],
    ['value lt "bea@y"', true, false],
    ['value le "bea@y"', true, true],
    ['value le "b"', true, false],
    ['type pr', true, false],
    ['display pr', false, false],
    ['TYPE eq "Work"', true, false],
    ['type ne "work"', false, true],
    ['type gt "a"', true, false],
    ['type eq null', false, true],
    ['type ne null', true, false],
    ['type gt null', false, false],
    ['primary eq true', true, false],
    ['primary eq "False"', false, true],
    ['primary ne true', false, true],
    ['primary gt false', false, false],
    ['type eq "work" and value ew "x"', true, false],
    ['type eq "work" and value ew "y"', false, false],
    ['type eq "work" or value ew "y"', true, true],
    ['type eq "home" or value ew "y"', false, true],
    ['not (type eq "work")', false, true],
  ])('%s', (filter, first, second) => {
    expect(selected(filter)).toEqual([first, second]);
  });

  it('distinguishes upper and lower case where the schema does', () => {
    const members = named(groupSchema.attributes, 'members');
    const of = (filter: string) => matches(members, { value: 'aB' }, parseFilter(filter));
    expect([of('value eq "aB"'), of('value eq "ab"'), of('value co "B"')]).toEqual([true, false, true]);
  });

  it('is refused for an unknown part of the element, and for a filter inside the filter', () => {
    const refused = (filter: Filter) => () => matches(emails, work, filter);
    expect(refused(parseFilter('shoes eq "x"'))).toThrow(
      '"emails" has no sub-attribute "shoes"; it has value, display, type, primary.',
    );
    const inner: Filter = { kind: 'element', path: { attribute: 'value' }, filter: eq('type', 'x') };
    expect(refused(inner)).toThrow('cannot contain another');
  });

  it('names attributes as a client writes them', () => {
    expect(printPath({ attribute: 'userName' })).toBe('userName');
    expect(printPath({ urn: 'urn:x:User', attribute: 'name', subAttribute: 'givenName' })).toBe(
      'urn:x:User:name.givenName',
    );
  });
});
