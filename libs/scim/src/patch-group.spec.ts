import fc from 'fast-check';
import { parsePatch } from './patch.js';
import { reduceGroupPatch, type GroupChange } from './patch-group.js';

const reduce = async (...Operations: unknown[]): Promise<GroupChange> => reduceGroupPatch(parsePatch({ Operations }));
const NOTHING = { replaceAll: null, add: [], remove: [] };

describe('PATCH of a group', () => {
  it.each([
    [
      'rename with the id inside',
      { op: 'replace', value: { id: 'g', displayName: 'New' } },
      { ...NOTHING, displayName: 'New' },
    ],
    ['rename by path', { op: 'Replace', path: 'displayName', value: 'New' }, { ...NOTHING, displayName: 'New' }],
    ['remove one', { op: 'remove', path: 'members[value eq "u1"]' }, { ...NOTHING, remove: ['u1'] }],
    [
      'remove one as Entra ID lists it',
      { op: 'Remove', path: 'members', value: [{ $ref: null, value: 'u1' }] },
      { ...NOTHING, remove: ['u1'] },
    ],
    ['remove an empty list', { op: 'remove', path: 'members', value: [] }, NOTHING],
    ['remove all members', { op: 'remove', path: 'members' }, { ...NOTHING, replaceAll: [] }],
    [
      'add',
      { op: 'add', path: 'members', value: [{ value: 'u1', display: 'x' }, 'u2'] },
      { ...NOTHING, add: ['u1', 'u2'] },
    ],
    ['add one by filter without a value', { op: 'add', path: 'members[value eq "u1"]' }, { ...NOTHING, add: ['u1'] }],
    ['push now', { op: 'replace', path: 'members', value: [{ value: 'u1' }] }, { ...NOTHING, replaceAll: ['u1'] }],
    ['push now of an empty group', { op: 'replace', path: 'members', value: [] }, { ...NOTHING, replaceAll: [] }],
    ['path-less members', { op: 'replace', value: { members: [{ value: 'u1' }] } }, { ...NOTHING, replaceAll: ['u1'] }],
    ['path-less add', { op: 'add', value: { Members: [{ value: 'u1' }] } }, { ...NOTHING, add: ['u1'] }],
    ['a read-only display', { op: 'replace', path: 'members[value eq "u1"].display', value: 'x' }, NOTHING],
    [
      'the last of several values',
      { op: 'replace', value: { externalId: '00g1', displayName: 'New', id: 'g', shoes: 1 } },
      { ...NOTHING, externalId: '00g1', displayName: 'New' },
    ],
    [
      'remove several by filter',
      { op: 'remove', path: 'members[value eq "u1" or VALUE eq "u2"]' },
      { ...NOTHING, remove: ['u1', 'u2'] },
    ],
    [
      'add several by filter',
      { op: 'add', path: 'members[value eq "u1" or value eq "u2"]' },
      { ...NOTHING, add: ['u1', 'u2'] },
    ],
    ['remove all members by null', { op: 'remove', path: 'members', value: null }, { ...NOTHING, replaceAll: [] }],
    ['externalId removed', { op: 'remove', path: 'externalId' }, { ...NOTHING, externalId: null }],
  ])('is reduced to its effect: %s', async (_, operation, expected) => {
    expect(await reduce(operation)).toEqual(expected);
  });

  it.each([
    ['invalidFilter', { op: 'remove', path: 'members[display eq "x"]' }],
    ['invalidFilter', { op: 'remove', path: 'members[value ne "x"]' }],
    ['invalidFilter', { op: 'remove', path: 'members[not (value eq "x")]' }],
    ['mutability', { op: 'replace', path: 'id', value: 'x' }],
    ['mutability', { op: 'replace', path: 'members[value eq "a"].value', value: 'b' }],
    ['invalidPath', { op: 'replace', path: 'shoes', value: 'x' }],
    ['invalidPath', { op: 'replace', path: 'members[value eq "a"]', value: { value: 'b' } }],
    ['invalidValue', { op: 'remove', path: 'displayName' }],
    ['invalidValue', { op: 'replace', value: { displayName: '  ' } }],
    ['invalidValue', { op: 'add', path: 'members', value: [{ display: 'x' }] }],
    ['invalidValue', { op: 'add', path: 'members' }],
    ['invalidValue', { op: 'replace', path: 'displayName' }],
    ['invalidValue', { op: 'replace', path: 'externalId' }],
    ['invalidValue', { op: 'replace', path: 'members' }],
    ['invalidFilter', { op: 'remove', path: 'members[value eq true]' }],
    ['invalidFilter', { op: 'remove', path: 'members[value pr]' }],
    ['invalidFilter', { op: 'remove', path: 'members[value eq "a" and value eq "b"]' }],
    ['invalidFilter', { op: 'remove', path: 'members[value eq "a" or display eq "b"]' }],
    ['invalidPath', { op: 'replace', path: 'displayName[value eq "a"]', value: 'b' }],
    ['tooMany', { op: 'add', path: 'members', value: Array.from({ length: 100_001 }, (_, i) => `u${i}`) }],
    ['tooMany', { op: 'remove', path: 'members', value: Array.from({ length: 100_001 }, (_, i) => `u${i}`) }],
  ])('is refused with %s: %j', async (scimType, operation) => {
    await expect(reduce(operation)).rejects.toMatchObject({ options: { scimType } });
  });

  it('has the same effect as its operations, applied one by one to the members', async () => {
    const id: fc.Arbitrary<string> = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const operation = fc.oneof(
      fc.record({
        op: fc.constantFrom('add', 'remove', 'replace'),
        path: fc.constant('members'),
        value: fc.array(id, { maxLength: 4 }),
      }),
      id.map((i) => ({ op: 'remove', path: `members[value eq "${i}"]` })),
      fc.constant({ op: 'remove', path: 'members' }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(id),
        fc.array(operation, { minLength: 1, maxLength: 8 }),
        async (start, operations) => {
          const model = new Set(start);
          for (const o of operations as { op: string; path: string; value?: string[] }[]) {
            const single = /"(.)"/.exec(o.path)?.[1];
            if (single) model.delete(single);
            else if (o.op === 'add') o.value?.forEach((v) => model.add(v));
            else if (o.op === 'remove' && o.value) o.value.forEach((v) => model.delete(v));
            else {
              model.clear();
              if (o.op === 'replace') o.value?.forEach((v) => model.add(v));
            }
          }
          const { replaceAll, add, remove } = await reduce(...operations);
          expect(add.filter((a) => remove.includes(a))).toEqual([]);
          const result = new Set(replaceAll ?? start);
          remove.forEach((r) => result.delete(r));
          add.forEach((a) => result.add(a));
          expect([...result].sort()).toEqual([...model].sort());
        },
      ),
      { numRuns: 300 },
    );
  });
});
