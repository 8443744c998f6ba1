import fc from 'fast-check';
import { ScimError } from './errors.js';
import { parseFilter, type Filter } from './filter.js';

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
