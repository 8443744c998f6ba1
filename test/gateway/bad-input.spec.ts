/** Malformed and hostile requests: each is answered with a SCIM error, never with a 500, and no path avoids authentication. */
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { generateScimToken } from '#secrets';
import { defaultSettings, TenantSettingsCache } from '#settings';
import {
  BASE,
  patchOp,
  rawRequest,
  startGateway,
  type Reply,
  type TestGateway,
  type TestTenant,
} from '../support/gateway.js';

let gateway: TestGateway;
let tenant: TestTenant;
let other: TestTenant;
let userId: string;
beforeAll(async () => {
  gateway = await startGateway();
  tenant = await gateway.createTenant();
  other = await gateway.createTenant();
  userId = (await tenant.send('POST', '/Users', { userName: 'ada@x' })).body.id;
});
afterAll(() => gateway.close());

function expectScimError(reply: Reply, status: number, scimType?: string): void {
  expect([reply.status, reply.text]).toEqual([status, expect.anything()]);
  expect(reply.headers['content-type']).toBe('application/scim+json; charset=utf-8');
  expect(reply.body.schemas).toEqual(['urn:ietf:params:scim:api:messages:2.0:Error']);
  expect(reply.body.status).toBe(String(status));
  if (scimType) expect(reply.body.scimType).toBe(scimType);
  expect(reply.body.detail.length).toBeGreaterThan(20);
  expect(reply.text).not.toMatch(/node_modules|\bat \w+ \(|select |insert |pg_|::uuid|syntax error at|SQLSTATE/);
  expect(reply.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
}

/** JSON of a text inside `depth` lists, built without recursion. */
const nested = (depth: number): string => `${'['.repeat(depth)}"x"${']'.repeat(depth)}`;

const raw = (path: string, headers: Record<string, string> = {}) => rawRequest(gateway.port, 'GET', path, headers);

describe('SCIM authentication', () => {
  const paths = [
    '/Users',
    '/users',
    '/%55sers',
    '/Users/',
    '//Users',
    '/./Users',
    '/../v2/Users',
    '/Users/../Users',
    '/Users%2f..%2fUsers',
    '/Users?x',
    '/Groups',
    '/ServiceProviderConfig',
    '/Schemas',
    '/Bulk',
    '/Me',
    '/.search',
    '/nope',
    '/%00',
    '/%zz',
    '/Users/%',
    '',
    '/',
  ];

  it.each(
    [BASE, '/scim/v2', '', '/prod', '//prod/api/scim/v2', '/prod%2Fapi/scim/v2'].flatMap((base) =>
      paths.map((path) => [base + path || '/']),
    ),
  )('refuses a request without a valid token on the path %s', async (path) => {
    expectScimError(await raw(path), 401);
    expectScimError(await raw(path, { authorization: 'Bearer nonsense' }), 401);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'])(
    'refuses %s without a token before it reads the body',
    async (method) => {
      const reply = await rawRequest(
        gateway.port,
        method,
        `${BASE}/Users/${userId}`,
        { 'content-type': 'text/nonsense' },
        method === 'HEAD' ? undefined : 'x'.repeat(100),
      );
      expect(reply.status).toBe(401);
      expect(reply.headers['www-authenticate']).toContain('Bearer');
    },
  );

  it('accepts the token after Bearer in any case, and the token alone', async () => {
    for (const authorization of [
      `Bearer ${tenant.token}`,
      `BEARER ${tenant.token}`,
      `bearer ${tenant.token}`,
      tenant.token,
    ])
      expect((await tenant.send('GET', '/Users', undefined, { authorization })).status).toBe(200);
  });

  it('refuses every other value of the Authorization header', async () => {
    const [version = '', mine = '', secret = ''] = tenant.token.split('.');
    const theirs = other.token.split('.')[1] ?? '';
    const bad = [
      '',
      ' ',
      'Bearer',
      'Bearer ',
      'non-token',
      `Basic ${tenant.token}`,
      `Bearer ${tenant.token}x`,
      `Bearer ${version}.${theirs}.${secret}`,
      `Bearer ${version}.${mine}.${'A'.repeat(43)}`,
      `Bearer ${generateScimToken(randomUUID())}`,
      `Bearer ${generateScimToken(tenant.id)}`,
      `${tenant.token},${tenant.token}`,
    ];
    for (const authorization of bad)
      expectScimError(await tenant.send('GET', '/Users', undefined, { authorization }), 401);
    expectScimError(await tenant.send('GET', '/Users', undefined, { authorization: null }), 401);
    expectScimError(
      await tenant.send('GET', `/Users?access_token=${tenant.token}`, undefined, { authorization: null }),
      401,
    );
  });

  it('says how to enter the token, and names a doubled Bearer', async () => {
    const detail = async (authorization: string) =>
      (await tenant.send('GET', '/Users', undefined, { authorization })).body.detail;
    expect(await detail('Bearer nonsense')).toMatch(/Generate a new token.*paste the token alone, without "Bearer"/);
    for (const authorization of [`Bearer Bearer ${tenant.token}`, `bearer  BEARER ${tenant.token}`])
      expect(await detail(authorization)).toMatch(/begins with "Bearer Bearer".*the SCIM token alone/);
  });

  it("refuses a token at another tenant's host name, and accepts it at its own", async () => {
    expectScimError(await tenant.send('GET', '/Users', undefined, { headers: { host: other.host } }), 401);
    expectScimError(
      await tenant.send('GET', '/Users', undefined, { headers: { host: `${other.host.toUpperCase()}:443` } }),
      401,
    );
    expect((await tenant.send('GET', '/Users', undefined, { headers: { host: tenant.host } })).status).toBe(200);
  });

  it('accepts the tokens of both tenants while a host name moves from one to the other', async () => {
    const [from, to] = [await gateway.createTenant(), await gateway.createTenant()];
    const moved = (sequence: number, { id, slug }: TestTenant, host: string | null) =>
      gateway.app.get(TenantSettingsCache).accept({
        tenant: id,
        sequence,
        data: { tenant: { id, slug, host }, ...defaultSettings(), scimEnabled: true, scimToken: null },
      });
    const status = async (by: TestTenant) =>
      (await by.send('GET', '/Users', undefined, { headers: { host: from.host } })).status;
    moved(2, to, from.host);
    expect([await status(from), await status(to), await status(tenant)]).toEqual([200, 200, 401]);
    moved(2, from, null);
    expect([await status(from), await status(to)]).toEqual([401, 200]);
  });

  it('says where to switch SCIM on while it is off, but only to a client that has the token', async () => {
    const off = await gateway.createTenant({ scimEnabled: false });
    const reply = await off.send('POST', '/Users', { userName: 'a' });
    expectScimError(reply, 403);
    expect(reply.body.detail).toContain('Admin -> Integration Hub -> Okta -> SCIM Enabled');
    expectScimError(await off.send('GET', '/nope'), 403);
    expectScimError(await off.send('GET', '/Users', undefined, { authorization: 'Bearer x' }), 401);
    expect(await off.events()).toEqual([]);
  });

  it('never builds links from headers', async () => {
    const reply = await tenant.send('GET', `/Users/${userId}`, undefined, {
      headers: {
        host: 'evil.example',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'gopher',
        forwarded: 'host=evil.example',
      },
    });
    expect(reply.body.meta.location).toBe(`https://${tenant.host}${BASE}/Users/${userId}`);
    expect(reply.text).not.toContain('evil');
  });

  it('needs no token for health and metrics, but for every path beside them', async () => {
    for (const path of ['/health/live', '/health/ready', '/metrics/', '/metrics'])
      expect((await raw(path).catch(() => ({ status: 200 }))).status).toBe(200);
    for (const path of ['/health', '/health/live/x', '/metrics/x', '/health/%6cive/../../scim/v2/Users'])
      expectScimError(await raw(path), 401);
  });
});

describe('paths', () => {
  it.each(['/nope', '/Users/a/b', '/Me', '/Bulk', '/.search', '/users', '/Users%2F', '/../../../etc/passwd', '/'])(
    'without a route are answered 404: %s',
    async (path) => expectScimError(await tenant.send('GET', path), 404),
  );
  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('are answered 404 to %s where it is not supported', async (method) =>
    expectScimError(await tenant.send(method, method === 'POST' ? `/Users/${userId}` : '/Users', {}), 404),
  );
  it('that are malformed are answered 400', async () => {
    for (const path of ['/%zz', '/Users/%', '/Users/%c3%28']) expectScimError(await tenant.send('GET', path), 400);
  });
  it.each([
    'x',
    '%00',
    '0',
    "'; drop table users; --",
    '%F0%9F%98%80',
    'x'.repeat(5_000),
    '__proto__',
    'constructor',
    '00000000-0000-0000-0000-000000000000',
    '..%2f..',
  ])('with the id %s are answered 404 to every method', async (id) => {
    for (const kind of ['Users', 'Groups']) {
      const path = `/${kind}/${encodeURI(decodeURIComponent(id)) === id ? id : encodeURIComponent(decodeURIComponent(id))}`;
      expectScimError(await tenant.send('GET', path), 404);
      expectScimError(await tenant.send('PUT', path, { userName: 'x', displayName: 'x' }), 404);
      expectScimError(await tenant.send('PATCH', path, patchOp({ op: 'replace', value: { displayName: 'x' } })), 404);
      expectScimError(await tenant.send('DELETE', path), 404);
    }
  });
});

describe('bodies', () => {
  it.each([
    ['nothing', '', 400],
    ['half a body', '{"userName":', 400],
    ['text', 'userName=ada', 400],
    ['null', 'null', 400],
    ['a list', '[]', 400],
    ['a number', '42', 400],
    ['no userName', '{}', 400],
    ['a nested bomb', `${'['.repeat(50_000)}${']'.repeat(50_000)}`, 400],
    ['a NUL', '{"userName":"a\\u0000b"}', 400],
    ['half a surrogate pair', '{"userName":"a","title":"\\ud800"}', 400],
    ['an overlong userName', JSON.stringify({ userName: 'é'.repeat(513) }), 400],
    ['an overlong text', JSON.stringify({ userName: 'a', title: 'x'.repeat(8_193) }), 400],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), 400],
    ['zipped JSON', gzipSync('{"userName":"a"}'), 400],
    ['numbers beyond all bounds', '{"userName":"a","active":1e999}', 400],
    ['schemas that are no list', '{"schemas":"x","userName":"a"}', 400],
  ])('with %s are answered %i', async (_, body, status) => {
    expectScimError(await tenant.send('POST', '/Users', body), status);
    expectScimError(await tenant.send('PUT', `/Users/${userId}`, body), status);
    expect((await tenant.send('PATCH', `/Users/${userId}`, body)).status).toBe(400);
    expect((await tenant.send('POST', '/Groups', body)).status).toBe(400);
  });

  it('may have the longest names and unusual characters, which are stored exactly', async () => {
    for (const userName of ['界'.repeat(512), '😀'.repeat(256), 'İ'.repeat(512), `"'\\\u2028\u202e ${randomUUID()}`]) {
      const reply = await tenant.send('POST', '/Users', { userName, externalId: userName });
      expect([reply.status, reply.body.userName]).toEqual([201, userName]);
      expect((await tenant.send('GET', `/Users/${reply.body.id}`)).body.userName).toBe(userName);
    }
  });

  it('with a number in an id never reach the account of another person', async () => {
    const first = await tenant.send('POST', '/Users', { userName: 'p1', externalId: '100000000000000000001' });
    await tenant.send('PATCH', `/Users/${first.body.id}`, patchOp({ op: 'replace', value: { active: false } }));
    const numbers = ['{"userName":"p2","externalId":100000000000000000002}', '{"userName":1e21}', '{"userName":true}'];
    for (const body of numbers) {
      expectScimError(await tenant.send('POST', '/Users', body), 400, 'invalidValue');
      expectScimError(await tenant.send('PUT', `/Users/${first.body.id}`, body), 400, 'invalidValue');
    }
    const changes = [
      { op: 'replace', path: 'externalId', value: 7 },
      { op: 'add', value: { 'name.givenName': 7 } },
      { op: 'replace', path: 'emails[type eq "work"].value', value: true },
      { op: 'replace', path: 'active', value: 0 },
    ];
    for (const change of changes)
      expectScimError(await tenant.send('PATCH', `/Users/${first.body.id}`, patchOp(change)), 400, 'invalidValue');
    const group = (await tenant.send('POST', '/Groups', { displayName: randomUUID() })).body.id;
    const members = { displayName: 'numbers', members: [{ value: 12 }] };
    expectScimError(await tenant.send('POST', '/Groups', members), 400, 'invalidValue');
    expectScimError(await tenant.send('PUT', `/Groups/${group}`, members), 400, 'invalidValue');
    for (const change of [
      { op: 'add', path: 'members', value: [{ value: 12 }] },
      { op: 'replace', path: 'displayName', value: 12 },
      { op: 'replace', path: 'externalId', value: true },
    ])
      expectScimError(await tenant.send('PATCH', `/Groups/${group}`, patchOp(change)), 400, 'invalidValue');
    expect((await tenant.send('GET', `/Users/${first.body.id}`)).body).toMatchObject({ userName: 'p1', active: false });
  });

  it('are refused if they have another content type', async () => {
    expectScimError(
      await tenant.send('POST', '/Users', '{"userName":"a"}', { headers: { 'content-type': 'text/plain' } }),
      415,
    );
    const xml = await tenant.send('POST', '/Users', '<a/>', { headers: { 'content-type': 'application/xml' } });
    expectScimError(xml, 415);
    expect(xml.body.detail).toContain('application/scim+json');
  });

  it('of users may have 1 MiB, and a longer one is refused with that limit', async () => {
    const sized = (bytes: number) => `{"userName":"big@x","junk":"${'x'.repeat(bytes - 30)}"}`;
    expect((await tenant.send('POST', '/Users', sized(1024 * 1024))).status).toBe(201);
    const refused = await tenant.send('POST', '/Users', sized(1024 * 1024 + 1));
    expectScimError(refused, 413, 'tooMany');
    expect(refused.body.detail).toContain('larger than 1 MiB, which is the limit for users');
  });

  it('of groups may name 100,000 members with the longest logins of Okta, and 16 MiB is the limit', async () => {
    const member = (n: number) => ({ value: randomUUID(), display: `${n}@${'x'.repeat(100)}`.slice(0, 100) });
    const members = Array.from({ length: 100_000 }, (_, n) => member(n));
    const created = await tenant.send('POST', '/Groups', { displayName: 'Everyone', members });
    expect([created.status, created.body.members]).toEqual([201, []]); // none of them is a user of this tenant
    const refused = await tenant.send('PUT', `/Groups/${created.body.id}`, 'x'.repeat(16 * 1024 * 1024 + 1));
    expectScimError(refused, 413, 'tooMany');
    expect(refused.body.detail).toContain('larger than 16 MiB, which is the limit for groups');
  });

  it.each([
    ['/Users', '{"userName":"a"', 100_000, /100,000 values/],
    ['/Groups', '{"displayName":"a"', 700_000, /700,000 values/],
  ])('of %s with too many values or unknown keys are refused', async (path, start, values, detail) => {
    const list = await tenant.send('POST', path, `${start},"x":[${'1,'.repeat(values)}1]}`);
    expectScimError(list, 400, 'tooMany');
    expect(list.body.detail).toMatch(detail);
    const keys = Array.from({ length: 50_000 }, (_, n) => `"k${n}":0`).join();
    const unknown = await tenant.send('POST', path, `${start},${keys}}`);
    expectScimError(unknown, 400, 'tooMany');
    expect(unknown.body.detail).toContain('more than 1,000 attributes');
  });

  it('beyond the limits of PATCH and groups are refused, and so are filters beyond theirs', async () => {
    expectScimError(
      await tenant.send(
        'PATCH',
        `/Users/${userId}`,
        patchOp(...new Array<unknown>(1_001).fill({ op: 'replace', value: {} })),
      ),
      400,
      'tooMany',
    );
    const many = new Array<unknown>(100_001).fill({ value: userId });
    expectScimError(await tenant.send('POST', '/Groups', { displayName: 'Huge', members: many }), 400, 'tooMany');
    expectScimError(
      await tenant.send(
        'GET',
        `/Users?filter=${encodeURIComponent(Array.from({ length: 21 }, () => 'active pr').join(' or '))}`,
      ),
      400,
      'invalidFilter',
    );
    expectScimError(
      await tenant.send('GET', `/Users?filter=${encodeURIComponent(`userName eq "${'x'.repeat(1_000)}"`)}`),
      400,
      'invalidFilter',
    );
    expectScimError(await tenant.send('GET', '/Users?filter=userName%20eq%20%22%00%22'), 400, 'invalidFilter');
    expect((await tenant.send('GET', '/Users?count=100000')).status).toBe(200);
  });

  it('cannot set the id, the tenant, the version, meta or the groups', async () => {
    const id = randomUUID();
    const body = JSON.parse(
      `{"userName":"mallory@x","id":"${id}","tenant_id":"${other.id}","tenantId":"${other.id}","__proto__":{"active":false},"constructor":1,"groups":[{"value":"${id}"}],"meta":{"location":"https://evil.example"},"version":99}`,
    ) as unknown;
    const reply = await tenant.send('POST', '/Users', body);
    expect(reply.status).toBe(201);
    expect(reply.body.id).not.toBe(id);
    expect(reply.body).toMatchObject({ active: true, groups: [] });
    expect((await other.send('GET', '/Users?filter=userName%20eq%20%22mallory@x%22')).body.totalResults).toBe(0);
  });

  it.each([2, 31, 33, 100_000])('are refused with lists %i levels deep where a value belongs', async (depth) => {
    const deep = '@deep';
    const refused = async (method: string, path: string, body: unknown) => {
      const text = JSON.stringify(body).replaceAll('"@deep"', nested(depth));
      expectScimError(await tenant.send(method, path, text), 400);
    };
    await refused('POST', '/Users', { userName: deep });
    for (const more of [{ name: deep }, { emails: [{ value: deep }] }, { active: deep }])
      await refused('POST', '/Users', { userName: 'a', ...more });
    const title = { op: 'replace', path: 'title', value: deep };
    for (const operation of [title, { op: deep }, { ...title, path: deep }, { ...title, path: 'active' }])
      await refused('PATCH', `/Users/${userId}`, patchOp(operation));
    await refused('PATCH', `/Users/${userId}`, patchOp({ op: 'replace', value: { active: deep } }));
    const group = (await tenant.send('POST', '/Groups', { displayName: `Deep ${depth}` })).body.id;
    await refused('PATCH', `/Groups/${group}`, patchOp({ op: 'add', path: 'members', value: deep }));
  });

  it('are refused beyond the limit of depth, also in an unknown attribute', async () => {
    const deep = `{"userName":"deep@x","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const reply = await tenant.send('POST', '/Users', deep);
    expectScimError(reply, 400, 'invalidSyntax');
    expect(reply.body.detail).toContain('32 levels');
  });

  it('of any JSON, and any query, are answered with a status below 500', async () => {
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 5 }),
      fc.integer({ min: 1, max: 40 }).map((depth) => JSON.parse(nested(depth)) as unknown),
      fc.constantFrom(
        'ada@x',
        userId,
        'members',
        '\ud800',
        '\0',
        [{ value: null }],
        { value: userId },
        [[]],
        '2026-99-99',
      ),
    );
    const body = fc.oneof(
      fc.dictionary(
        fc.constantFrom(
          'schemas',
          'userName',
          'name',
          'emails',
          'active',
          'externalId',
          'displayName',
          'members',
          'Operations',
          'x',
          '__proto__',
        ),
        value,
      ),
      fc.record({
        Operations: fc.array(
          fc.record(
            {
              op: fc.constantFrom('add', 'replace', 'remove', 'x'),
              path: fc.oneof(
                value,
                fc.constantFrom(
                  'members',
                  'name',
                  'emails[type eq "x"].value',
                  'members[value eq "x"]',
                  'displayName',
                  'emails[',
                ),
              ),
              value,
            },
            { requiredKeys: ['op'] },
          ),
          { maxLength: 3 },
        ),
      }),
    );
    const group = (await tenant.send('POST', '/Groups', { displayName: `Fuzz ${randomUUID()}` })).body.id;
    const target = fc.constantFrom<[string, string]>(
      ['POST', '/Users'],
      ['PUT', `/Users/${userId}`],
      ['PATCH', `/Users/${userId}`],
      ['POST', '/Groups'],
      ['PUT', `/Groups/${group}`],
      ['PATCH', `/Groups/${group}`],
    );
    await fc.assert(
      fc.asyncProperty(target, body, async ([method, path], sent) => {
        const reply = await tenant.send(method, path, JSON.stringify(sent));
        expect([reply.status < 500, method, path, reply.text]).toEqual([true, method, path, reply.text]);
      }),
      { numRuns: 250 },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.webQueryParameters({ size: 'small' }),
        fc.string({ size: 'small', unit: 'grapheme' }),
        async (query, filter) => {
          const reply = await tenant.send('GET', `/Users?${query}&filter=${encodeURIComponent(filter)}`);
          expect(reply.status).toBeLessThan(500);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('a connection that sends malformed HTTP', () => {
  const talk = (text: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(gateway.port, '127.0.0.1', () => socket.write(text));
      let answer = '';
      socket.on('data', (chunk) => (answer += chunk.toString()));
      socket.on('end', () => resolve(answer));
      socket.on('error', reject);
    });

  it.each([
    ['nonsense', 'EHLO mail\r\n\r\n', 400],
    ['too many headers', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`, 431],
    ['no host', 'GET /scim/v2/Users HTTP/1.1\r\nconnection: close\r\n\r\n', 400],
    ['an unknown expectation', 'GET / HTTP/1.1\r\nhost: x\r\nexpect: tea\r\n\r\n', 417],
    ['two lengths', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello', 400],
  ])('gets a SCIM error for %s', async (_, text, status) => {
    const answer = await talk(text);
    expect(answer).toContain(`HTTP/1.1 ${status}`);
    expect(answer).toContain('application/scim+json');
    expect((JSON.parse(answer.slice(answer.indexOf('{'))) as { status: string }).status).toBe(String(status));
  });
});
