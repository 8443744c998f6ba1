import { listResponse, parsePage, parseProjection } from './answer.js';
import { ScimError } from './errors.js';
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

  it.each(['x', '1.5', '1e3', '9'.repeat(20)])('are refused for the startIndex %p', (text) =>
    expect(() => parsePage(text, undefined)).toThrow(ScimError),
  );

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
    expect(() => parseProjection(userSchema, 'a', 'b')).toThrow(ScimError);
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
  });
});
