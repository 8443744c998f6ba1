import { readFile } from 'node:fs/promises';
import type { OktaApp } from '../../apps/sandbox/src/okta/model.js';
import { retryWaitMs, ScimSession } from '../../apps/sandbox/src/okta/session.js';
import { createAgents, SOCKET_TIMEOUT_MS } from '../../apps/sandbox/src/okta/wire.js';
import type { VerbResult } from '../../apps/sandbox/src/okta/okta.js';
import { control, startSandbox, type RunningSandbox } from '../support/sandbox.js';
import { ScimRecorder } from '../support/scim-recorder.js';

const CORE = 'urn:ietf:params:scim:schemas:core:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

let running: RunningSandbox;
let scim: ScimRecorder;
let base: string;

beforeAll(async () => {
  running = await startSandbox();
  scim = await ScimRecorder.start();
  base = running.sandbox.endpoints.okta;
});
afterAll(async () => {
  await scim.stop();
  await running.stop();
});

let tenant = 0;
/** A new org with an app, so that tests do not see each other's people. */
async function connect(
  mode: 'aiw' | 'oin',
  settings: object = {},
): Promise<(verb: string, body?: object, query?: string) => Promise<VerbResult & { error?: string }>> {
  const slug = `t${++tenant}`;
  scim.resources.Users.clear();
  scim.resources.Groups.clear();
  scim.gzip = false;
  scim.clear();
  await control(base, 'PUT', `apps/${slug}`, { scimBaseUrl: scim.baseUrl, token: 'the-token', mode, ...settings });
  return (verb, body = {}, query = '') => control<VerbResult>(base, 'POST', `apps/${slug}/${verb}${query}`, body);
}
/** The pauses of a session that sends `requests` requests. No pause really happens. */
async function waitsOf(options: { paceMs?: number; timeScale?: number }, requests: number): Promise<number[]> {
  const waits: number[] = [];
  const agents = createAgents();
  const app: OktaApp = {
    slug: 'waits',
    appId: '0oawaits',
    scimBaseUrl: scim.baseUrl,
    token: 'the-token',
    mode: 'aiw',
    authStyle: 'bearer',
    importGroups: false,
    deactivateUsers: true,
  };
  const session = new ScimSession(app, {
    paceMs: 0,
    timeScale: 1,
    timeoutMs: SOCKET_TIMEOUT_MS,
    agents,
    signal: new AbortController().signal,
    sleep: (ms) => Promise.resolve(void waits.push(ms)),
    ...options,
  });
  for (let i = 0; i < requests; i++) await session.send('GET', '/Users?startIndex=1&count=2', 'Error');
  agents.http.destroy();
  return waits;
}
const tasksOf = () =>
  control<{ tasks: { verb: string; subject: string; detail: string | null }[] }>(base, 'GET', `apps/t${tenant}/tasks`);
const JOINER = 'test.joiner@lanternfieldgoods.example';

describe('SCIM requests of Okta', () => {
  it('have the recorded headers', async () => {
    const okta = await connect('aiw');
    await okta('assign', { login: JOINER });
    const [get, post] = scim.requests;
    const names = (r: { rawHeaders: readonly string[] } | undefined): string[] =>
      (r?.rawHeaders ?? []).filter((_, i) => i % 2 === 0);
    const cases = JSON.parse(await readFile(new URL('./okta-header-sets.json', import.meta.url), 'utf8')) as Record<
      string,
      Record<string, string>
    >;
    for (const [request, set] of [
      [get, cases['okta-read']],
      [post, cases['okta-write']],
    ] as const) {
      for (const [name, value] of Object.entries(set ?? {}))
        expect(request?.headers[name.toLowerCase()]).toBe(value.replace('{{token}}', 'the-token'));
    }
    expect(names(get).sort()).toEqual([
      'Accept',
      'Accept-Charset',
      'Accept-Encoding',
      'Authorization',
      'Connection',
      'Host',
      'User-Agent',
    ]);
    expect(names(post).sort()).toEqual([
      'Accept',
      'Accept-Charset',
      'Accept-Encoding',
      'Authorization',
      'Connection',
      'Content-Length',
      'Content-Type',
      'Host',
      'User-Agent',
    ]);
    expect(get?.path).toBe(
      '/Users?filter=userName%20eq%20%22test.joiner%40lanternfieldgoods.example%22&startIndex=1&count=100',
    );
  });

  it('carry the raw token as the whole header if the app says "Header"', async () => {
    const okta = await connect('oin', { authStyle: 'header' });
    await okta('test-connection');
    expect(scim.lines).toEqual(['GET /Users?startIndex=1&count=2']);
    expect(scim.requests[0]?.headers.authorization).toBe('the-token');
  });

  it('accept compressed answers', async () => {
    const okta = await connect('aiw');
    scim.gzip = true;
    expect(await okta('assign', { login: JOINER })).toMatchObject({ ok: true });
  });

  it('are about 200-250 ms apart by default', async () => {
    scim.clear();
    const waits = await waitsOf({ paceMs: 225 }, 20);
    expect(scim.requests).toHaveLength(20);
    expect(waits).toHaveLength(19);
    expect(new Set(waits).size).toBeGreaterThan(10); // the pauses differ
    for (const ms of waits) {
      expect(ms).toBeGreaterThanOrEqual(199);
      expect(ms).toBeLessThan(251);
    }
    const okta = await connect('aiw');
    expect(await okta('assign', { login: JOINER }, '?pace=1')).toMatchObject({ ok: true });
  });
});

describe('people', () => {
  it('are created by a custom app with a look-up, then the recorded body with a random password', async () => {
    const okta = await connect('aiw');
    const result = await okta('assign', { login: JOINER, profile: { firstName: 'test', lastName: 'joiner' } });
    expect(scim.lines).toEqual([`GET /Users?filter=userName eq "${JOINER}"&startIndex=1&count=100`, 'POST /Users']);
    const [body] = scim.bodies('POST');
    expect(Object.keys(body ?? {})).toEqual([
      'schemas',
      'userName',
      'name',
      'emails',
      'externalId',
      'groups',
      'password',
      'active',
    ]);
    expect(body).toEqual({
      schemas: [CORE],
      userName: JOINER,
      name: { givenName: 'test', familyName: 'joiner' },
      emails: [{ primary: true, value: JOINER }],
      externalId: expect.stringMatching(/^00u[0-9A-Za-z]{17}$/) as string,
      groups: [],
      password: expect.stringMatching(/^[0-9a-z]{8}$/) as string,
      active: true,
    });
    expect(result.exchanges.map((e) => [e.method, e.status])).toEqual([
      ['GET', 200],
      ['POST', 201],
    ]);
    for (const e of result.exchanges) {
      expect(e.endedAt).toBeGreaterThanOrEqual(e.startedAt);
      expect(Math.abs(e.startedAt - Date.now())).toBeLessThan(60_000);
      expect(e.requestId).toMatch(/^[0-9a-f-]{36}$/);
    }
    expect(JSON.stringify(result)).not.toContain('the-token');
  });

  it('are created by a catalog app in its own form, with title and department', async () => {
    const okta = await connect('oin');
    await okta('assign', {
      login: 'ava.nguyen@example.com',
      profile: { firstName: 'Ava', lastName: 'Nguyen', title: 'Sales Manager', department: 'Sales' },
    });
    const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
    expect(scim.bodies('POST')[0]).toMatchObject({
      schemas: [CORE, enterprise],
      emails: [{ primary: true, value: 'ava.nguyen@example.com', type: 'work' }],
      displayName: 'Ava Nguyen',
      locale: 'en-US',
      title: 'Sales Manager',
      [enterprise]: { department: 'Sales' },
    });
  });

  it("are linked to an existing user with a look-up, a GET, and a PUT of the server's own body with Okta's profile", async () => {
    const okta = await connect('aiw');
    const meta = {
      created: '2018-02-13T15:05:24.000-08:00',
      location: 'https://scim.example.com/Users/1',
      resourceType: 'User',
    };
    const id = '5fc0c238-1112-11e8-8e45-920c87bdbd75';
    scim.resources.Users.set(id, {
      schemas: [CORE],
      id,
      userName: 'jane@test.com',
      name: { formatted: 'Mona Octocat', familyName: 'Octocat' },
      active: false,
      groups: [{ value: 'g1' }],
      nickName: 'J',
      meta,
    });
    await okta('assign', { login: 'jane@test.com', profile: { firstName: 'Jane', lastName: 'Smith' } });
    expect(scim.lines).toEqual([
      'GET /Users?filter=userName eq "jane@test.com"&startIndex=1&count=100',
      'GET /Users/{id}',
      'PUT /Users/{id}',
    ]);
    const [put] = scim.bodies('PUT');
    expect(put).toEqual({
      active: true,
      emails: [{ primary: true, value: 'jane@test.com' }],
      externalId: expect.stringMatching(/^00u/) as string,
      groups: [],
      id,
      meta,
      name: { familyName: 'Smith', formatted: 'Mona Octocat', givenName: 'Jane' },
      nickName: 'J',
      schemas: [CORE],
      userName: 'jane@test.com',
    });
    expect(Object.keys(put ?? {})).toEqual(Object.keys(put ?? {}).sort());
  });

  it('are updated by GET and PUT in both modes, without a password', async () => {
    for (const mode of ['aiw', 'oin'] as const) {
      const okta = await connect(mode);
      await okta('assign', { login: JOINER });
      scim.clear();
      await okta('update', { login: JOINER, profile: { title: 'Lead' } });
      expect(scim.lines).toEqual(['GET /Users/{id}', 'PUT /Users/{id}']);
      expect(scim.bodies('PUT')[0]).toMatchObject({ title: 'Lead', active: true, groups: [] });
      expect(scim.bodies('PUT')[0]).not.toHaveProperty('password');
    }
  });

  it('are unassigned and reassigned by PUT in a custom app', async () => {
    const okta = await connect('aiw');
    await okta('assign', { login: JOINER });
    scim.clear();
    await okta('unassign', { login: JOINER });
    expect(scim.lines).toEqual(['GET /Users/{id}', 'PUT /Users/{id}']);
    expect(scim.bodies('PUT')[0]).toMatchObject({ active: false, userName: JOINER });
    scim.clear();
    await okta('assign', { login: JOINER });
    expect(scim.lines.map((l) => l.split(' ')[0])).toEqual(['GET', 'GET', 'PUT']);
    expect(scim.bodies('PUT')[0]).toMatchObject({ active: true });
  });

  it('are unassigned and reassigned by a PATCH without path in a catalog app', async () => {
    const okta = await connect('oin');
    await okta('assign', { login: JOINER });
    scim.clear();
    await okta('deactivate', { login: JOINER });
    expect(scim.requests[0]?.text).toBe(
      `{"schemas":["${PATCH}"],"Operations":[{"op":"replace","value":{"active":false}}]}`,
    );
    scim.clear();
    await okta('assign', { login: JOINER });
    expect(scim.lines.map((l) => l.split(' ')[0])).toEqual(['GET', 'PATCH']);
    expect(scim.bodies('PATCH')[0]).toMatchObject({ Operations: [{ op: 'replace', value: { active: true } }] });
  });

  it('cause no request on suspend and unsuspend, or while they are not assigned', async () => {
    const okta = await connect('aiw');
    await okta('assign', { login: JOINER });
    scim.clear();
    expect(await okta('suspend', { login: JOINER })).toMatchObject({
      ok: true,
      exchanges: [],
      note: expect.stringContaining('ACTIVE -> SUSPENDED') as string,
    });
    expect(await okta('suspend', { login: JOINER })).toMatchObject({
      note: expect.stringContaining('nothing changed') as string,
    });
    expect(await okta('unsuspend', { login: JOINER })).toMatchObject({
      note: expect.stringContaining('SUSPENDED -> ACTIVE') as string,
    });
    await okta('unassign', { login: JOINER });
    scim.clear();
    await okta('unassign', { login: JOINER });
    await okta('update', { login: JOINER, profile: { title: 'x' } });
    expect(scim.requests).toEqual([]);
  });

  it('are answered with 404 if unknown, and with 409 if the login is taken', async () => {
    const okta = await connect('aiw');
    await okta('assign', { login: 'a@example.com' });
    await okta('assign', { login: 'b@example.com' });
    expect(await okta('unassign', { login: 'nobody@example.com' })).toEqual({
      error: expect.stringContaining('nobody@example.com') as string,
    });
    expect(await okta('update', { login: 'a@example.com', newLogin: 'B@example.com' })).toEqual({
      error: expect.stringContaining('taken') as string,
    });
    expect(await okta('explode')).toEqual({ error: expect.stringContaining('no verb') as string });
    expect(await okta('assign', { login: '' })).toHaveProperty('error');
  });
});

describe('group push', () => {
  const idOf = (login: string): string =>
    [...scim.resources.Users.values()].find((u) => u.userName === login)?.id as string;

  it('in a custom app filters, POSTs with members, GETs and PUTs the same, then GETs and PUTs the full list on each change', async () => {
    const okta = await connect('aiw');
    for (const login of ['a@example.com', 'b@example.com']) await okta('assign', { login });
    scim.clear();
    await okta('push-group', { group: 'APP-Rostr-Users', members: ['a@example.com'] });
    expect(scim.lines).toEqual([
      'GET /Groups?filter=displayName eq "APP-Rostr-Users"&startIndex=1&count=100',
      'POST /Groups',
      'GET /Groups/{id}',
      'PUT /Groups/{id}',
    ]);
    const a = { value: idOf('a@example.com'), display: 'a@example.com' };
    const b = { value: idOf('b@example.com'), display: 'b@example.com' };
    expect(scim.requests[1]?.text).toBe(
      JSON.stringify({ schemas: [GROUP], displayName: 'APP-Rostr-Users', members: [a] }),
    );
    const id = [...scim.resources.Groups.keys()][0];
    expect(scim.requests[3]?.text).toBe(
      JSON.stringify({ schemas: [GROUP], id, displayName: 'APP-Rostr-Users', members: [a] }),
    );

    scim.clear();
    await okta('add-member', { group: 'app-rostr-users', members: ['b@example.com'] });
    expect(scim.lines).toEqual(['GET /Groups/{id}', 'PUT /Groups/{id}']);
    expect(scim.bodies('PUT')[0]?.members).toEqual([a, b]);
    scim.clear();
    await okta('remove-member', { group: 'APP-Rostr-Users', members: ['a@example.com'] });
    expect(scim.bodies('PUT')[0]?.members).toEqual([b]);
    scim.clear();
    await okta('rename-group', { group: 'APP-Rostr-Users', newName: 'Renamed' });
    expect(scim.lines).toEqual(['PUT /Groups/{id}']);
    expect(scim.bodies('PUT')[0]).toMatchObject({ id, displayName: 'Renamed', members: [b] });
    scim.clear();
    await okta('push-now', { group: 'Renamed' });
    expect(scim.lines).toEqual(['PUT /Groups/{id}']);
  });

  it('in a catalog app filters, POSTs without members, PATCHes name and members, and renames before each change', async () => {
    const okta = await connect('oin');
    for (const login of ['a@example.com', 'b@example.com', 'c@example.com']) await okta('assign', { login });
    scim.clear();
    await okta('push-group', { group: 'Agents', members: ['a@example.com', 'b@example.com'] });
    expect(scim.lines.map((l) => l.replace(/\?.*/, ''))).toEqual([
      'GET /Groups',
      'POST /Groups',
      'PATCH /Groups/{id}',
      'PATCH /Groups/{id}',
    ]);
    expect(scim.bodies('POST')[0]).toEqual({ schemas: [GROUP], displayName: 'Agents', members: [] });
    const id = [...scim.resources.Groups.keys()][0];
    const shown = (login: string) => ({ value: idOf(login), display: login });
    const rename = { schemas: [PATCH], Operations: [{ op: 'replace', value: { id, displayName: 'Agents' } }] };
    expect(scim.bodies('PATCH')).toEqual([
      rename,
      {
        schemas: [PATCH],
        Operations: [{ op: 'add', path: 'members', value: [shown('a@example.com'), shown('b@example.com')] }],
      },
    ]);

    scim.clear();
    await okta('add-member', { group: 'Agents', members: ['c@example.com'] });
    expect(scim.bodies('PATCH')).toEqual([
      rename,
      { schemas: [PATCH], Operations: [{ op: 'add', path: 'members', value: [shown('c@example.com')] }] },
    ]);
    scim.clear();
    await okta('remove-member', { group: 'Agents', members: ['a@example.com', 'b@example.com'] });
    expect(scim.bodies('PATCH')).toEqual([
      rename,
      {
        schemas: [PATCH],
        Operations: ['a@example.com', 'b@example.com'].map((login) => ({
          op: 'remove',
          path: `members[value eq "${idOf(login)}"]`,
        })),
      },
    ]);
    scim.clear();
    await okta('push-now', { group: 'Agents' });
    expect(scim.bodies('PATCH')).toEqual([
      { schemas: [PATCH], Operations: [{ op: 'replace', path: 'members', value: [shown('c@example.com')] }] },
    ]);
    scim.clear();
    await okta('rename-group', { group: 'Agents', newName: 'New' });
    expect(scim.bodies('PATCH')).toEqual([
      { schemas: [PATCH], Operations: [{ op: 'replace', value: { id, displayName: 'New' } }] },
    ]);
    scim.clear();
    await okta('remove-member', { group: 'New', members: ['c@example.com'] });
    scim.clear();
    await okta('push-now', { group: 'New' });
    expect(scim.bodies('PATCH')).toEqual([
      { schemas: [PATCH], Operations: [{ op: 'replace', path: 'members', value: [] }] },
    ]);
  });

  it('in a catalog app sends at most 100 members in a PATCH', async () => {
    const okta = await connect('oin');
    const members = Array.from({ length: 230 }, (_, i) => `m${i}@example.com`);
    for (let i = 0; i < members.length; i += 46)
      await Promise.all(members.slice(i, i + 46).map((login) => okta('assign', { login })));
    scim.clear();
    await okta('push-group', { group: 'Many', members });
    const sizes = (op: string) =>
      scim
        .bodies('PATCH')
        .flatMap((b) =>
          (b.Operations as { op: string; path?: string; value: unknown[] }[])
            .filter((o) => o.op === op && o.path === 'members')
            .map((o) => o.value.length),
        );
    expect(sizes('add')).toEqual([100, 100, 30]);
    scim.clear();
    await okta('push-now', { group: 'Many' });
    expect([sizes('replace'), sizes('add')]).toEqual([[100], [100, 30]]);
  });

  it('sends only active, assigned members', async () => {
    const okta = await connect('aiw');
    for (const login of ['in@example.com', 'out@example.com', 'suspended@example.com']) await okta('assign', { login });
    await okta('unassign', { login: 'out@example.com' });
    await okta('suspend', { login: 'suspended@example.com' });
    scim.clear();
    await okta('push-group', { group: 'G', members: ['out@example.com', 'in@example.com', 'suspended@example.com'] });
    expect(scim.bodies('POST')[0]?.members).toEqual([{ value: idOf('in@example.com'), display: 'in@example.com' }]);
  });

  it('sends nothing for a membership that does not change, or a group that is not pushed', async () => {
    const okta = await connect('oin');
    await okta('assign', { login: 'a@example.com' });
    await okta('push-group', { group: 'G', members: ['a@example.com'] });
    scim.clear();
    expect(await okta('add-member', { group: 'G', members: ['a@example.com'] })).toMatchObject({
      ok: true,
      note: expect.stringContaining('sends nothing') as string,
    });
    expect(await okta('add-member', { group: 'Unpushed', members: ['a@example.com'] })).toMatchObject({
      ok: true,
      note: expect.stringContaining('not pushed') as string,
    });
    expect(scim.requests).toEqual([]);
  });

  it('unlinks with DELETE, or leaves the group', async () => {
    const okta = await connect('aiw');
    await okta('push-group', { group: 'G' });
    scim.clear();
    await okta('unlink-group', { group: 'G' });
    expect(scim.lines).toEqual(['DELETE /Groups/{id}']);
    await okta('push-group', { group: 'G' });
    scim.clear();
    await okta('unlink-group', { group: 'G', delete: false });
    expect(scim.requests).toEqual([]);
  });

  it('marks a failed push, sends nothing more for the group, and repeats it on "push now"', async () => {
    const okta = await connect('aiw');
    await okta('assign', { login: 'a@example.com' });
    await okta('push-group', { group: 'G' });
    scim.canned.push(
      { status: 200, body: {} },
      { status: 400, body: { detail: 'members: unknown id', status: '400' } },
    );
    const failed = await okta('add-member', { group: 'G', members: ['a@example.com'] });
    expect(failed).toMatchObject({
      ok: false,
      task: {
        detail:
          'Unable to update Group Push mapping target App group G: Error while updating user group: Bad Request. Errors reported by remote server: members: unknown id',
      },
    });
    scim.clear();
    expect(await okta('remove-member', { group: 'G', members: ['a@example.com'] })).toMatchObject({
      note: expect.stringContaining('ERROR') as string,
    });
    expect(scim.requests).toEqual([]);
    expect(await okta('push-now', { group: 'G' })).toMatchObject({ ok: true });
    await okta('add-member', { group: 'G', members: ['a@example.com'] });
    expect(scim.lines).toContain('GET /Groups/{id}');
  });
});

describe('import', () => {
  it('reads all pages of 100 users and groups, and does not import inactive users', async () => {
    const okta = await connect('aiw');
    for (let i = 0; i < 205; i++)
      scim.resources.Users.set(`u${i}`, { id: `u${i}`, userName: `u${i}`, active: i !== 7 });
    scim.resources.Groups.set('g', { id: 'g', displayName: 'G' });
    expect(await okta('import')).toMatchObject({
      ok: true,
      note: '204 active users and 1 groups imported, 1 inactive users read and not imported',
    });
    expect(scim.lines).toEqual([
      'GET /Users?startIndex=1&count=100',
      'GET /Users?startIndex=101&count=100',
      'GET /Users?startIndex=201&count=100',
      'GET /Groups?startIndex=1&count=100',
    ]);
  });
});

describe('Okta, after a bad answer', () => {
  it.each([
    [
      { status: 401, body: { detail: 'Bad token', status: '401' } },
      `Error while verifying if user ${JOINER} exists: Unauthorized. Errors reported by remote server: Bad token`,
    ],
    [{ status: 403, body: { detail: 'no' } }, 'Forbidden'],
    [{ status: 500, body: { detail: 'broken' } }, 'Internal Server Error. Errors reported by remote server: broken'],
    [{ status: 502, body: '<html>Bad gateway</html>' }, 'Invalid JSON: Unrecognized token'],
    [{ status: 200, body: 'upstream timed out' }, "Invalid JSON: Unrecognized token 'upstream'"],
  ])('records a failed task: case %#', async (answer, detail) => {
    const okta = await connect('aiw');
    scim.canned.push(answer);
    const result = await okta('assign', { login: JOINER });
    expect(result).toMatchObject({
      ok: false,
      task: { verb: 'assign', subject: JOINER, detail: expect.stringContaining(detail) as string },
    });
    expect(scim.requests).toHaveLength(1);
    expect((await tasksOf()).tasks).toHaveLength(1);
  });

  it('does not look up again after a 409', async () => {
    const okta = await connect('aiw');
    scim.canned.push(
      { status: 200, body: { totalResults: 0, startIndex: 1, itemsPerPage: 0, Resources: [] } },
      { status: 409, body: { detail: 'userName is taken' } },
    );
    expect(await okta('assign', { login: JOINER })).toMatchObject({
      ok: false,
      task: { detail: expect.stringContaining('userName is taken') as string },
    });
    expect(scim.requests).toHaveLength(2);
  });

  it('stops without a message if a number is sent as a string', async () => {
    const okta = await connect('aiw');
    scim.canned.push({ status: 200, body: { totalResults: 0, startIndex: '1', itemsPerPage: 0, Resources: [] } });
    expect(await okta('assign', { login: JOINER })).toMatchObject({ ok: false, task: { detail: null } });
    expect(scim.requests).toHaveLength(1);
  });

  it('fails after a create without a body, and takes 404 on a filter as no match', async () => {
    const okta = await connect('aiw');
    scim.canned.push({ status: 404, body: { detail: 'none' } }, { status: 201 });
    expect(await okta('assign', { login: JOINER })).toMatchObject({
      ok: false,
      task: { detail: 'Create new user returned empty user.' },
    });
  });

  it('fails the task if the server does not answer', async () => {
    const okta = await connect('aiw', { scimBaseUrl: 'http://127.0.0.1:9/scim/v2' });
    expect(await okta('test-connection')).toMatchObject({
      ok: false,
      exchanges: [{ status: null, error: expect.stringMatching(/ECONNREFUSED|bad port/) as string }],
    });
  });

  it('waits the integer Retry-After of a 429 and repeats, up to ten times', async () => {
    const okta = await connect('aiw');
    const busy = { status: 429, body: { detail: 'slow down' }, headers: { 'retry-after': '100' } };
    scim.canned.push(busy, busy);
    expect(await okta('test-connection')).toMatchObject({ ok: true });
    expect(scim.requests).toHaveLength(3);
    scim.clear();
    scim.canned.push(busy, busy);
    expect(await waitsOf({ timeScale: 0.5 }, 1)).toEqual([50_000, 50_000]);
    scim.clear();
    scim.canned.push(...Array<typeof busy>(10).fill({ ...busy, headers: { 'retry-after': '0' } }));
    expect(await okta('test-connection')).toMatchObject({
      ok: false,
      task: { detail: expect.stringContaining('Too Many Requests') as string },
    });
    expect(scim.requests).toHaveLength(10);
  });

  it.each([
    ['7', 1, 7_000],
    ['7', 4, 7_000],
    [undefined, 1, 300_000],
    [undefined, 2, 600_000],
    ['null', 1, 300_000],
    ['Wed, 25 Nov 2026 02:00:00 GMT', 3, 1_200_000],
  ])('waits after Retry-After %p on attempt %i for %i ms', (header, attempt, ms) => {
    expect(retryWaitMs(header, attempt)).toBe(ms);
  });
});

describe('the org', () => {
  it('keeps people, groups, pushes and remote ids over a restart, and hides the token', async () => {
    const okta = await connect('oin');
    await okta('assign', { login: JOINER });
    await okta('push-group', { group: 'G', members: [JOINER] });
    const slug = `t${tenant}`;
    running = await running.restart();
    base = running.sandbox.endpoints.okta;
    scim.clear();
    await control(base, 'POST', `apps/${slug}/remove-member`, { group: 'G', members: [JOINER] });
    expect(scim.lines).toEqual(['PATCH /Groups/{id}', 'PATCH /Groups/{id}']);
    const app = await control(base, 'GET', `apps/${slug}`);
    expect(app).toMatchObject({ slug, mode: 'oin', token: '****' });
  });

  it('keeps tenants apart', async () => {
    const first = await connect('aiw');
    await first('assign', { login: JOINER });
    const second = await connect('aiw');
    expect(await second('unassign', { login: JOINER })).toHaveProperty('error');
  });

  it('uses another mode for one run on request', async () => {
    const okta = await connect('aiw');
    await okta('assign', { login: JOINER });
    scim.clear();
    expect(await okta('unassign', { login: JOINER }, '?mode=oin')).toMatchObject({ mode: 'oin' });
    expect(scim.lines).toEqual(['PATCH /Users/{id}']);
  });

  it('runs the jobs about one person one after another', async () => {
    const okta = await connect('aiw');
    await Promise.all(Array.from({ length: 4 }, () => okta('assign', { login: JOINER })));
    expect(scim.lines.filter((l) => l === 'POST /Users')).toHaveLength(1);
  });

  it('refuses an app without a usable address or token', async () => {
    for (const body of [
      { scimBaseUrl: 'x', token: 't' },
      { scimBaseUrl: 'ftp://x', token: 't' },
      { scimBaseUrl: 'http://x' },
      { scimBaseUrl: 'http://x', token: 'a\nb' },
    ]) {
      expect(await control(base, 'PUT', 'apps/bad', body)).toHaveProperty('error');
    }
  });
});
