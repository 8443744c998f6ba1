import { listResponse, parsePage, parseProjection } from './answer.js';
import { quote, ScimError } from './errors.js';
import { schemas, serviceProviderConfig } from './discovery.js';
import { ENTERPRISE_SCHEMA, userSchema } from './schema.js';

describe('pages', () => {
  it.each([
    [undefined, undefined, { startIndex: 1, count: 100 }],
    ['0', '0', { startIndex: 1, count: 0 }],
    ['-5', '-1', { startIndex: 1, count: 0 }],
    ['101', '5000', { startIndex: 101, count: 1_000 }],
  ])('with startIndex %p and count %p are %p', (startIndex, count, page) =>
    expect(parsePage(startIndex, count)).toEqual(page),
  );

  it.each(['x', '1.5', '1e3', '9'.repeat(20), '1x', 'x1'])('are refused for the startIndex %p', (text) => {
    expect(() => parsePage(text, undefined)).toThrow(`"startIndex" must be a whole number, but is "${text}".`);
    expect(() => parsePage('1', text)).toThrow('"count" must be a whole number');
    const wrong = expect.objectContaining({ options: { scimType: 'invalidValue' } }) as ScimError;
    expect(() => parsePage(text, '1')).toThrow(wrong);
  });

  it('have their defaults for empty parameters', () => {
    expect(parsePage('', '')).toEqual({ startIndex: 1, count: 100 });
  });

  it('report the number of resources that are returned, as a number', () => {
    expect(listResponse([], 2, 101)).toEqual({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
      totalResults: 2,
      startIndex: 101,
      itemsPerPage: 0,
      Resources: [],
    });
  });
});

describe('the selection of attributes', () => {
  const user = {
    id: '1',
    schemas: ['s'],
    userName: 'a',
    name: { givenName: 'A', familyName: 'B' },
    emails: [{ value: 'x', type: 'work' }],
    [ENTERPRISE_SCHEMA]: { department: 'D', division: 'V' },
  };
  it('returns the requested attributes, and always id and schemas', () => {
    expect(parseProjection(userSchema, 'NAME.givenname,emails.value,nope', undefined)?.(user)).toEqual({
      id: '1',
      schemas: ['s'],
      name: { givenName: 'A' },
      emails: [{ value: 'x' }],
    });
    expect(parseProjection(userSchema, `${ENTERPRISE_SCHEMA}:department`, undefined)?.(user)).toEqual({
      id: '1',
      schemas: ['s'],
      [ENTERPRISE_SCHEMA]: { department: 'D' },
    });
  });
  it('leaves out the excluded attributes, but never id', () => {
    expect(parseProjection(userSchema, undefined, `id,emails.type,name,${ENTERPRISE_SCHEMA}`)?.(user)).toEqual({
      id: '1',
      schemas: ['s'],
      userName: 'a',
      emails: [{ value: 'x' }],
    });
  });
  it('knows beforehand whether an attribute is wanted, and refuses both parameters at once', () => {
    expect(parseProjection(userSchema, undefined, 'groups')?.wants('groups')).toBe(false);
    expect(parseProjection(userSchema, 'userName', undefined)?.wants('groups')).toBe(false);
    const both = () => parseProjection(userSchema, 'a', 'b');
    expect(both).toThrow('Send either "attributes" or "excludedAttributes"');
    expect(both).toThrow(expect.objectContaining({ options: { scimType: 'invalidValue' } }) as ScimError);
    expect(parseProjection(userSchema, 'groups.value', undefined)?.wants('groups')).toBe(true);
    expect(parseProjection(userSchema, 'userName,groups', undefined)?.wants('groups')).toBe(true);
    expect(parseProjection(userSchema, undefined, 'groups.value')?.wants('groups')).toBe(true);
    expect(parseProjection(userSchema, undefined, 'userName,groups')?.wants('groups')).toBe(false);
    expect(parseProjection(userSchema, undefined, 'userName')?.wants('groups')).toBe(true);
  });
  it('is everything if the parameters name nothing', () => {
    expect(parseProjection(userSchema, undefined, undefined)).toBeUndefined();
    expect(parseProjection(userSchema, '', ' , ')).toBeUndefined();
  });
  it('invents nothing that the resource lacks, and keeps values that have no parts', () => {
    const bare = { id: '1', name: 'text', emails: ['text', { type: 'work', value: 'x' }] };
    expect(parseProjection(userSchema, ' title , name.givenName,emails.type', undefined)?.(bare)).toStrictEqual({
      id: '1',
      emails: [{}, { type: 'work' }],
    });
    expect(parseProjection(userSchema, undefined, 'title,name.givenName,emails.type')?.(bare)).toStrictEqual({
      ...bare,
      emails: ['text', { value: 'x' }],
    });
    expect(
      parseProjection(userSchema, undefined, 'name.familyName')?.({ name: { familyName: 'B', givenName: 'A' } }),
    ).toStrictEqual({ name: { givenName: 'A' } });
    expect(parseProjection(userSchema, 'name.familyName,name.givenName', undefined)?.(user)).toMatchObject({
      name: user.name,
    });
  });
});

describe('discovery', () => {
  it('claims only features that exist, and describes every attribute that the parser knows', () => {
    const config = serviceProviderConfig('https://x/scim/v2');
    expect([
      config.bulk.supported,
      config.sort.supported,
      config.etag.supported,
      config.changePassword.supported,
      config.patch.supported,
      config.filter.maxResults,
    ]).toEqual([false, false, false, false, true, 1_000]);
    expect(
      schemas('b')
        .find((s) => s.name === 'User')
        ?.attributes.map((a) => a['name']),
    ).toEqual(userSchema.attributes.map((a) => a.name));
  });
  it('has errors as in RFC 7644 section 3.12, with the status as a text', () => {
    expect(ScimError.of('uniqueness', 'taken').body()).toEqual({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
      status: '409',
      scimType: 'uniqueness',
      detail: 'taken',
    });
    expect(new ScimError(404, 'gone').body()).toEqual({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
      status: '404',
      detail: 'gone',
    });
    expect([ScimError.of('sensitive', '').status, ScimError.of('invalidPath', '').status]).toEqual([403, 400]);
    expect(ScimError.of('tooMany', 'x').name).toBe('ScimError');
  });
  it.each([
    ['a text as it is', 'Ada', '"Ada"'],
    ['80 characters as they are', 'x'.repeat(80), `"${'x'.repeat(80)}"`],
    ['the beginning of a longer text', 'x'.repeat(81), `"${'x'.repeat(80)}..."`],
    ['no control characters and no half characters', 'a\n\u0000\ud800b', '"a???b"'],
    ['a list as a list', [1], 'a list'],
    ['an object as an object', {}, 'an object'],
    ['null', null, '"null"'],
    ['a number', 5, '"5"'],
  ])('quotes %s in errors', (_, value, text) => {
    expect(quote(value)).toBe(text);
  });
});
