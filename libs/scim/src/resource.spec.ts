import fc from 'fast-check';
import { ScimError } from './errors.js';
import { parsePatch } from './patch.js';
import { reduceGroupPatch } from './patch-group.js';
import { parseGroup, parseUser } from './resource.js';
import { ENTERPRISE_SCHEMA, USER_SCHEMA } from './schema.js';

const refused = (work: () => unknown): ScimError => {
  try {
    work();
  } catch (error) {
    if (error instanceof ScimError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

describe('parsing a user', () => {
  it('keeps the attributes that the schema knows, and nothing else', () => {
    const user = parseUser(
      JSON.parse(
        '{"userName":"ada","password":"x","groups":[{"value":"g"}],"id":"1","meta":{},"shoeSize":44,"__proto__":{"isAdmin":true},"constructor":{"prototype":{"x":1}}}',
      ),
    );
    expect(user).toEqual({ userName: 'ada' });
    expect((user as { isAdmin?: unknown }).isAdmin).toBeUndefined();
    expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
  });

  it('reads attribute names in any case and stores them in the spelling of the schema', () => {
    expect(
      parseUser({ USERNAME: 'Ada@X', Name: { GIVENNAME: 'Ada' }, EMAILS: [{ Value: 'a@x', PRIMARY: 'True' }] }),
    ).toEqual({ userName: 'Ada@X', name: { givenName: 'Ada' }, emails: [{ value: 'a@x', primary: true }] });
  });

  it('refuses an attribute that is given twice in different case', () => {
    expect(refused(() => parseUser({ userName: 'a', USERNAME: 'b' })).options.scimType).toBe('invalidSyntax');
  });

  it.each([
    ['True', true],
    ['false', false],
    [true, true],
  ])('reads active %p as %p', (sent, stored) => {
    expect(parseUser({ userName: 'a', active: sent }).active).toBe(stored);
  });

  it('accepts the extension object when its URN is missing from schemas, and its URN in any case', () => {
    expect(
      parseUser({
        schemas: [USER_SCHEMA],
        userName: 'a',
        [ENTERPRISE_SCHEMA.toUpperCase()]: { department: 'Sales', shoe: 1, manager: 'm1' },
      })[ENTERPRISE_SCHEMA],
    ).toEqual({ department: 'Sales', manager: { value: 'm1' } });
  });

  it('accepts a list of one for a single value, but no list within that list', () => {
    expect(parseUser({ userName: ['ada'], title: [null] })).toEqual({ userName: 'ada' });
    expect(refused(() => parseUser({ userName: [['ada']] })).detail).toContain('a list was sent');
    expect(refused(() => parseUser({ userName: 'a', active: { x: 1 } })).detail).toContain('but an object was sent');
  });

  it('reads null, empty lists and empty objects as unassigned', () => {
    expect(
      parseUser({ userName: 'a', title: null, emails: [], name: {}, phoneNumbers: [null], externalId: '' }),
    ).toEqual({ userName: 'a' });
  });

  it('keeps empty texts, and changes no byte of a value', () => {
    const sent = { userName: 'Ada@Exa\u0308mple.COM', title: '', displayName: ' Ada ' };
    expect(parseUser(sent)).toEqual(sent);
  });

  it.each([
    ['userName', 1e21],
    ['userName', true],
    ['externalId', 1e20],
    ['externalId', false],
    ['title', 42],
    ['emails', 1],
    ['emails', true],
    ['emails', [{ value: 1 }]],
    ['name', { givenName: true }],
    [ENTERPRISE_SCHEMA, { employeeNumber: 1.5e19 }],
    [ENTERPRISE_SCHEMA, { manager: 7 }],
    ['active', 1],
    ['active', ' false '],
    ['active', 'no'],
  ])('refuses %s with the value %j instead of converting it', (name, value) => {
    const error = refused(() => parseUser({ userName: 'a', [name]: value }));
    expect(error.options.scimType).toBe('invalidValue');
    const inner = typeof value === 'object' ? Object.keys([value].flat()[0] as object)[0] : name;
    expect(error.detail).toContain(`"${inner}"`);
  });

  it.each([' ada', 'ada ', 'ada\u00a0', '\ufeffada', 'a\tda', 'ada\u0007'])('refuses the userName %j', (userName) => {
    expect(refused(() => parseUser({ userName })).detail).toMatch(/blank, or contains a control character/);
  });

  it.each([
    ['a NUL', { userName: 'a\0b' }, 'invalidValue'],
    ['half a surrogate pair', { userName: 'a', title: '\ud800' }, 'invalidValue'],
    ['an object for a text', { userName: { a: 1 } }, 'invalidValue'],
    ['no userName', { active: true }, 'invalidValue'],
    ['a blank userName', { userName: '  ' }, 'invalidValue'],
    ['an overlong userName', { userName: 'x'.repeat(513) }, 'invalidValue'],
    [
      'two primary e-mails',
      {
        userName: 'a',
        emails: [
          { value: '1', primary: true },
          { value: '2', primary: 'true' },
        ],
      },
      'invalidValue',
    ],
    ['a list as body', [], 'invalidSyntax'],
    [
      'the schema of a group',
      { schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'], userName: 'a' },
      'invalidValue',
    ],
    [
      '201 e-mails',
      { userName: 'a', emails: Array.from({ length: 201 }, (_, i) => ({ value: String(i) })) },
      'tooMany',
    ],
  ])('refuses %s', (_, body, scimType) => {
    const error = refused(() => parseUser(body));
    expect(error.options.scimType).toBe(scimType);
    expect(error.detail.length).toBeGreaterThan(20);
  });

  it('turns any JSON into a resource or a ScimError, and parsing the resource again changes nothing', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.record(
            { userName: fc.jsonValue(), name: fc.jsonValue(), emails: fc.jsonValue(), active: fc.jsonValue() },
            { requiredKeys: [] },
          ),
        ),
        (body) => {
          try {
            const user = parseUser(body);
            expect(parseUser(user)).toEqual(user);
          } catch (error) {
            expect(error).toBeInstanceOf(ScimError);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('parsing a group', () => {
  it('distinguishes "members not sent" from "no members"', async () => {
    expect((await parseGroup({ displayName: 'G' })).members).toBeUndefined();
    expect((await parseGroup({ displayName: 'G', members: [] })).members).toEqual([]);
  });

  it('accepts members without type, with display null, as bare ids, and each once', async () => {
    const members = [{ value: 'a', display: null }, { Value: 'b' }, 'c', { value: 'a' }];
    expect((await parseGroup({ displayName: 'G', Members: members })).members).toEqual(['a', 'b', 'c']);
  });

  it('refuses a member without an id and more than 100,000 members', async () => {
    const missing = parseGroup({ displayName: 'G', members: [{ display: 'x' }] });
    await expect(missing).rejects.toMatchObject({ options: { scimType: 'invalidValue' } });
    const many = parseGroup({ displayName: 'G', members: new Array(100_001).fill('x') });
    await expect(many).rejects.toThrow('100,000');
  });
});

it.each([
  ['a group with 100,000 members', (ids: string[]) => parseGroup({ displayName: 'G', members: ids })],
  [
    'a PATCH of 1,000 operations with 100 members each',
    (ids: string[]) =>
      reduceGroupPatch(
        parsePatch({
          Operations: Array.from({ length: 1_000 }, (_, n) => ({
            op: 'add',
            path: 'members',
            value: ids.slice(n * 100, (n + 1) * 100),
          })),
        }),
      ),
  ],
])('parsing %s lets other work run in between', async (_, parse) => {
  let turns = 0;
  let parsing = true;
  const count = () => void (parsing && (turns++, setImmediate(count)));
  setImmediate(count);
  await parse(Array.from({ length: 100_000 }, (__, n) => `id-${n}`));
  parsing = false;
  expect(turns).toBeGreaterThanOrEqual(15);
});
