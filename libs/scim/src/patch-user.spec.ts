import fc from 'fast-check';
import { steps } from '../../../test/support/work.js';
import { ScimError } from './errors.js';
import { changedAttributes, deepEqual } from './difference.js';
import { parsePatch, type PatchOperation } from './patch.js';
import { patchUser, replaceUser } from './patch-user.js';
import { parseUser, type UserResource } from './resource.js';
import { ENTERPRISE_SCHEMA, USER_SCHEMA } from './schema.js';

const ada: UserResource = {
  userName: 'ada@x',
  active: true,
  externalId: '00u1',
  name: { givenName: 'Ada', familyName: 'Lovelace' },
  emails: [
    { value: 'ada@x', type: 'work', primary: true },
    { value: 'ada@home', type: 'home' },
  ],
  [ENTERPRISE_SCHEMA]: { department: 'Sales' },
};

const patch = (...Operations: unknown[]): UserResource =>
  patchUser(ada, parsePatch({ Operations }, [ENTERPRISE_SCHEMA]));
const refusal = (...operations: unknown[]): string | undefined => {
  try {
    patch(...operations);
  } catch (error) {
    if (error instanceof ScimError) return error.options.scimType;
    throw error;
  }
  return undefined;
};

describe('PATCH of a user', () => {
  it.each([
    ['by Okta, without a path', { op: 'replace', value: { active: false } }],
    ['by Entra ID, capitalised and as text', { op: 'Replace', path: 'active', value: 'False' }],
    ['with a URN path', { op: 'replace', path: `${USER_SCHEMA}:active`, value: false }],
    ['by Entra ID, without a path and as text', { OP: 'Replace', Value: { ACTIVE: 'False' } }],
  ])('deactivates a user: %s', (_, operation) => {
    expect(patch(operation)).toEqual({ ...ada, active: false });
  });

  it('expands dotted keys and URN keys of a value without a path', () => {
    expect(
      patch({
        op: 'replace',
        value: {
          displayName: 'B',
          'name.givenName': 'K',
          [`${ENTERPRISE_SCHEMA}:employeeNumber`]: 'A1',
          unknown: 1,
          id: 'x',
          groups: [],
          password: 'p',
        },
      }),
    ).toEqual({
      ...ada,
      displayName: 'B',
      name: { givenName: 'K', familyName: 'Lovelace' },
      [ENTERPRISE_SCHEMA]: { department: 'Sales', employeeNumber: 'A1' },
    });
  });

  it('changes only the element that the filter selects', () => {
    expect(patch({ op: 'replace', path: 'emails[type eq "WORK"].value', value: 'new@x' }).emails).toEqual([
      { value: 'new@x', type: 'work', primary: true },
      ada.emails?.[1],
    ]);
    expect(patch({ op: 'remove', path: 'emails[type eq "home"]' }).emails).toEqual([ada.emails?.[0]]);
    expect(patch({ op: 'remove', path: 'emails', value: [{ value: 'ada@home' }] }).emails).toEqual([ada.emails?.[0]]);
  });

  it('adds the element that a filter describes, and refuses to replace one that does not exist', () => {
    expect(patch({ op: 'add', path: 'phoneNumbers[type eq "work"].value', value: '1' })['phoneNumbers']).toEqual([
      { type: 'work', value: '1' },
    ]);
    expect(refusal({ op: 'replace', path: 'phoneNumbers[type eq "work"].value', value: '1' })).toBe('noTarget');
  });

  it('adds no element twice, and a new primary value takes the mark from the old one', () => {
    expect(patch({ op: 'add', path: 'emails', value: [{ value: 'ada@home', type: 'home' }] })).toEqual(ada);
    expect(
      patch({ op: 'add', path: 'emails', value: { value: 'p', primary: true } }).emails?.map((e) => e.primary),
    ).toEqual([false, undefined, true]);
  });

  it('merges complex values and removes an attribute that becomes empty', () => {
    expect(patch({ op: 'replace', path: 'name', value: { givenName: 'A' } }).name).toEqual({
      givenName: 'A',
      familyName: 'Lovelace',
    });
    expect(
      patch({ op: 'remove', path: 'name.givenName' }, { op: 'remove', path: 'name.familyName' }),
    ).not.toHaveProperty('name');
    expect(patch({ op: 'remove', path: `${ENTERPRISE_SCHEMA}:department` })).not.toHaveProperty([ENTERPRISE_SCHEMA]);
    expect(patch({ op: 'remove', path: ENTERPRISE_SCHEMA })).not.toHaveProperty([ENTERPRISE_SCHEMA]);
  });

  it('sets and clears the manager as Entra ID does, with a bare text', () => {
    expect(patch({ op: 'add', path: `${ENTERPRISE_SCHEMA}:manager`, value: 'm1' })[ENTERPRISE_SCHEMA]).toEqual({
      department: 'Sales',
      manager: { value: 'm1' },
    });
    expect(
      patch(
        { op: 'add', path: `${ENTERPRISE_SCHEMA}:manager`, value: 'm1' },
        { op: 'replace', path: `${ENTERPRISE_SCHEMA}:manager`, value: '' },
      ),
    ).toEqual(ada);
  });

  it('ignores a password', () => {
    expect(patch({ op: 'replace', path: 'password', value: 'x' })).toEqual(ada);
  });

  it.each([
    ['mutability', { op: 'replace', path: 'id', value: 'x' }],
    ['mutability', { op: 'add', path: 'groups', value: [{ value: 'g' }] }],
    ['mutability', { op: 'replace', path: 'meta.created', value: 'x' }],
    ['invalidPath', { op: 'replace', path: 'shoeSize', value: 4 }],
    ['invalidPath', { op: 'replace', path: 'emails[type eq "work"', value: 4 }],
    ['invalidPath', { op: 'replace', path: '__proto__', value: { a: 1 } }],
    ['invalidPath', { op: 'replace', path: 'name[givenName eq "Ada"]', value: { givenName: 'x' } }],
    ['invalidFilter', { op: 'replace', path: 'emails[shoe eq "x"].value', value: 'x' }],
    ['noTarget', { op: 'remove' }],
    ['invalidSyntax', { op: 'move', path: 'active', value: true }],
    ['invalidValue', { op: 'remove', path: 'userName' }],
    ['invalidValue', { op: 'replace', value: { userName: '' } }],
    ['invalidValue', { op: 'remove', path: 'active' }],
    ['invalidValue', { op: 'replace', value: { active: null } }],
    ['invalidValue', { op: 'replace', path: 'active', value: 'yes' }],
    ['invalidValue', { op: 'replace', path: 'title' }],
    ['invalidValue', { op: 'replace', value: 'active' }],
  ])('refuses with %s: %j', (scimType, operation) => {
    expect(refusal(operation)).toBe(scimType);
  });

  it('may have 1,000 operations and 100,000 values at most', () => {
    const operation = { op: 'replace', value: { active: true } };
    expect(patch(...new Array<unknown>(1_000).fill(operation))).toEqual(ada);
    expect(refusal(...new Array<unknown>(1_001).fill(operation))).toBe('tooMany');
    expect(refusal({ op: 'add', path: 'emails', value: new Array(100_001).fill({ value: 'x' }) })).toBe('tooMany');
  });

  it('applies all operations or none, and never changes the given resource', () => {
    const before = structuredClone(ada);
    expect(refusal({ op: 'replace', value: { active: false } }, { op: 'replace', path: 'nope', value: 1 })).toBe(
      'invalidPath',
    );
    patch({ op: 'remove', path: 'emails' });
    expect(ada).toEqual(before);
  });

  it('returns a valid resource or a ScimError for any operations, and a second replace changes nothing', () => {
    const operation = fc.record({
      op: fc.constantFrom('add', 'replace', 'Remove'),
      path: fc.constantFrom(
        undefined,
        'name',
        'emails',
        'emails.type',
        'emails[type eq "work"]',
        'title',
        'name.givenName',
        ENTERPRISE_SCHEMA,
      ),
      value: fc.oneof(
        fc.jsonValue(),
        fc.record({ value: fc.string(), type: fc.constantFrom('work', 'x'), primary: fc.boolean() }),
      ),
    });
    fc.assert(
      fc.property(fc.array(operation, { minLength: 1, maxLength: 4 }), (operations) => {
        try {
          const once = patch(...operations);
          expect(parseUser(once)).toEqual(once);
          if (operations.every((o) => o.op === 'replace' && o.path !== 'emails[type eq "work"]'))
            expect(patchUser(once, parsePatch({ Operations: operations }, [ENTERPRISE_SCHEMA]))).toEqual(once);
        } catch (error) {
          expect(error).toBeInstanceOf(ScimError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('PUT of a user', () => {
  it('keeps active and externalId if the body omits them, and removes every other omitted attribute', () => {
    const body = { userName: 'ada@x' };
    expect(replaceUser({ ...ada, active: false }, body, parseUser(body))).toEqual({
      userName: 'ada@x',
      active: false,
      externalId: '00u1',
    });
    const unlink = { userName: 'ada@x', externalId: null };
    expect(replaceUser(ada, unlink, parseUser(unlink))).toEqual({ userName: 'ada@x', active: true });
  });
});

describe('the state difference', () => {
  it('names the changed attributes, and none for the same state in another order of keys', () => {
    expect(
      changedAttributes(ada, {
        emails: ada.emails ?? [],
        userName: 'ada@x',
        name: { familyName: 'Lovelace', givenName: 'Ada' },
        active: true,
        externalId: '00u1',
        [ENTERPRISE_SCHEMA]: { department: 'Sales' },
      }),
    ).toEqual([]);
    expect(
      changedAttributes(ada, {
        ...ada,
        active: false,
        name: { givenName: 'A', familyName: 'Lovelace' },
        emails: [],
        [ENTERPRISE_SCHEMA]: {},
      }),
    ).toEqual(['name.givenName', 'active', 'emails', `${ENTERPRISE_SCHEMA}:department`]);
  });
});

describe('adding values to an attribute', () => {
  const emails = (from: number, length = 100) =>
    Array.from({ length }, (_, i) => ({ value: `a${from + i}@x`, type: 'work' }));
  const added = (value: unknown) => {
    const operations = parsePatch({ Operations: [{ op: 'add', path: 'emails', value }] });
    return patchUser({ userName: 'a', emails: [...emails(100), ...emails(0)] }, operations).emails;
  };

  it('adds no value that exists, whatever the order of its keys, but each one that differs', () => {
    expect(added([{ type: 'work', value: 'a7@x' }])?.length).toBe(200);
    expect(() => added([{ type: 'home', value: 'a7@x' }])).toThrow(/201 values/);
  });

  it('takes steps in proportion to the number of values, whose pairs are not compared', async () => {
    const operations = (count: number): PatchOperation[] =>
      parsePatch({
        Operations: new Array<unknown>(1_000).fill({ op: 'add', path: 'emails', value: emails(0, count) }),
      });
    const work = (count: number): Promise<number> => {
      const [user, patch] = [{ userName: 'a', emails: emails(0, count) }, operations(count)];
      return steps('/libs/scim/src/', () => expect(patchUser(user, patch).emails).toHaveLength(count));
    };
    const [few, many] = [await work(25), await work(100)];
    expect(few).toBeGreaterThan(1_000 * 25);
    expect(many / few).toBeLessThan(5); // 16 if it compared each new value with each old one
  });
});

describe('a PATCH of a user', () => {
  const emails = Array.from({ length: 200 }, (_, n) => ({ value: `a${n}@x` }));
  const filtered = (operations: number, terms: number) => {
    const filter = Array.from({ length: terms }, (_, n) => `display co "d${n}"`).join(' or ');
    const Operations = new Array<unknown>(operations).fill({ op: 'remove', path: `emails[${filter}].type` });
    return () => patchUser({ userName: 'a', emails }, parsePatch({ Operations }));
  };

  it('may compare the values of a list 10,000 times', () => {
    expect(filtered(50, 1)().emails).toEqual(emails);
    expect(filtered(5, 10)().emails).toEqual(emails);
    expect(filtered(51, 1)).toThrow(/more than 10,000 comparisons/);
    expect(filtered(1_000, 20)).toThrow(/more than 10,000 comparisons/);
  });

  it('cannot make a user longer than 1 MiB, however many small ones are sent', () => {
    const display = 'x'.repeat(8_000);
    const add = (user: UserResource, path: string): UserResource => {
      const value = Array.from({ length: 60 }, (_, n) => ({ value: `${n}`, display }));
      return patchUser(user, parsePatch({ Operations: [{ op: 'add', path, value }] }));
    };
    const user = add(add({ userName: 'a' }, 'emails'), 'photos');
    expect(() => add(user, 'ims')).toThrow(/more than 1,048,576 characters/);
  });
});

describe('the difference of two values', () => {
  it.each<[unknown, unknown, boolean]>([
    [1, 1, true],
    [Number.NaN, Number.NaN, true],
    ['a', 'b', false],
    [null, {}, false],
    [{}, null, false],
    [{}, [], false],
    [[], {}, false],
    [[1, 2], [1, 2], true],
    [[1, 2], [2, 1], false],
    [[1], [1, 2], false],
    [[1, 2], [1, 3], false],
    [['a'], { 0: 'a', length: 1 }, false],
    [[1, 2], [1], false],
    [{ a: 1, b: [{ c: 2 }] }, { b: [{ c: 2 }], a: 1 }, true],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [{ a: 1, b: 2 }, { a: 1 }, false],
    [{ a: undefined }, { b: undefined }, false],
    [{ a: { b: 1 } }, { a: { b: 2 } }, false],
  ])('%j and %j are equal: %s', (a, b, equal) => {
    expect(deepEqual(a, b)).toBe(equal);
  });

  it('is named by attribute, by its part, or by the URN of its extension', () => {
    const after: UserResource = {
      ...ada,
      userName: 'ada@y',
      name: { givenName: 'Ada', familyName: 'King', middleName: 'B' },
      emails: [{ value: 'ada@y' }],
      [ENTERPRISE_SCHEMA]: { department: 'Sales', division: 'V' },
    };
    const changed = ['userName', 'name.familyName', 'name.middleName', 'emails', `${ENTERPRISE_SCHEMA}:division`];
    expect(changedAttributes(ada, after).sort()).toEqual([...changed].sort());
    expect(changedAttributes(after, ada).sort()).toEqual([...changed].sort());
    expect(changedAttributes(ada, structuredClone(ada))).toEqual([]);
    const { name: _name, ...unnamed } = ada;
    expect(changedAttributes(ada, unnamed).sort()).toEqual(['name.familyName', 'name.givenName']);
  });
});
