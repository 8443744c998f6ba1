/** The sandbox Okta's Management API over HTTP: paging, limits and errors as Okta documents them. */
import { Database } from '#platform';
import { all, Org } from '../okta/org.js';
import { createTestDatabase } from '../support/database.js';
import { ScimRecorder } from '../support/scim-recorder.js';
import { control, startSandbox, type RunningSandbox } from '../support/sandbox.js';

type Item = Record<string, unknown> & { readonly id: string };
let running: RunningSandbox;
let scim: ScimRecorder;
let org: Org;
beforeAll(async () => {
  [running, scim] = await Promise.all([startSandbox(), ScimRecorder.start()]);
});
beforeEach(async () => {
  org = await Org.create(running, scim.baseUrl);
});
afterAll(async () => {
  await running.stop();
  await scim.stop();
});

const json = async <T = Item>(path: string): Promise<T> => (await (await org.get(path)).json()) as T;
const linksOf = (response: Response): Record<string, string> =>
  Object.fromEntries(
    [...(response.headers.get('link') ?? '').matchAll(/<([^>]+)>; rel="(\w+)"/g)].map(([, url = '', rel = '']) => [
      rel,
      url,
    ]),
  );
/** Follows the links through all pages. Returns the number of items of each page, and all ids. */
async function walk(path: string): Promise<{ sizes: number[]; ids: string[] }> {
  const sizes: number[] = [];
  const ids: string[] = [];
  for (let url: string | undefined = path; url;) {
    const response: Response = await org.get(url);
    const page = (await response.json()) as Item[];
    sizes.push(page.length);
    ids.push(...page.map((i) => i.id));
    url = linksOf(response).next;
  }
  return { sizes, ids };
}

describe('paging', () => {
  it('returns 50 people of an app by default, 500 at most, and the next page in Link headers', async () => {
    const people = await org.addPeople(120);
    const byDefault = await walk(`apps/${org.appId}/users`);
    expect(byDefault.sizes).toEqual([50, 50, 20]);
    expect(byDefault.ids.sort()).toEqual(people);
    expect((await walk(`apps/${org.appId}/users?limit=60`)).sizes).toEqual([60, 60]);
    expect((await walk(`apps/${org.appId}/users?limit=100000`)).sizes).toEqual([120]);
    const links = linksOf(await org.get(`apps/${org.appId}/users?limit=60`));
    expect(links.self).toBe(`${org.url}/api/v1/apps/${org.appId}/users?limit=60`);
    expect(links.next).toMatch(/\/users\?limit=60&after=[\w-]+$/);
  });

  it('neither skips nor repeats anybody if people are added or deleted between two pages', async () => {
    const people = await org.addPeople(100);
    const first = await org.get('users?limit=40');
    const seen = ((await first.json()) as Item[]).map((p) => p.id);
    await org.addPeople(50);
    const rest = await walk(linksOf(first).next ?? '');
    const ids = [...seen, ...rest.ids];
    expect(new Set(ids).size).toBe(ids.length);
    expect(people.filter((p) => !ids.includes(p))).toEqual([]);
  });

  it.each(['limit=0', 'limit=-1', 'limit=x', 'limit=1&limit=2', 'after=zzz', 'after='])('refuses %s', async (query) => {
    const response = await org.get(`users?${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errorCode: 'E0000001' });
  });
});

describe('groups', () => {
  it('are listed with their members, including groups that are not pushed', async () => {
    for (const login of ['anna@example.com', 'ben@example.com']) await org.run('assign', login);
    await org.ask('POST', 'push-group', { group: 'Agents', members: ['anna@example.com'] });
    await org.ask('POST', 'add-member', { group: 'Readers', members: ['anna@example.com', 'ben@example.com'] });
    const groups = await json<(Item & { profile: { name: string } })[]>('groups');
    expect(groups.map((g) => g.profile.name).sort()).toEqual(['Agents', 'Readers']);
    const readers = groups.find((g) => g.profile.name === 'Readers');
    expect((await walk(`groups/${readers?.id}/users?limit=1`)).sizes).toEqual([1, 1]);
    expect(await json(`groups/00g00000000000000000/users`)).toMatchObject({ errorCode: 'E0000007' });
  });
});

describe('errors', () => {
  const body = (errorCode: string, errorSummary: unknown) => ({
    errorCode,
    errorSummary,
    errorLink: errorCode,
    errorId: expect.stringMatching(/^oae\w{17}$/),
    errorCauses: expect.any(Array),
  });

  it("have Okta's form and codes", async () => {
    const answered = async (response: Promise<Response>): Promise<[number, unknown]> => {
      const r = await response;
      return [r.status, await r.json()];
    };
    expect(await answered(org.get('users', null))).toEqual([401, body('E0000005', 'Invalid session')]);
    expect(await answered(org.get('users', 'wrong'))).toEqual([401, body('E0000011', 'Invalid token provided')]);
    const bearer = fetch(`${org.url}/api/v1/users`, { headers: { authorization: `Bearer ${org.token}` } });
    expect(await answered(bearer)).toEqual([401, body('E0000011', 'Invalid token provided')]);
    expect(await answered(org.get('users/nobody'))).toEqual([
      404,
      body('E0000007', 'Not found: Resource not found: nobody (User)'),
    ]);
    expect(await answered(org.get('apps/other/users'))).toEqual([404, body('E0000007', expect.any(String))]);
    expect(await answered(org.get('nothing'))).toEqual([404, body('E0000007', expect.any(String))]);
    expect(await answered(org.get('users?filter=x'))).toEqual([400, body('E0000031', expect.any(String))]);
    const post = fetch(`${org.url}/api/v1/users`, { method: 'POST', headers: { authorization: `SSWS ${org.token}` } });
    expect(await answered(post)).toEqual([405, body('E0000022', expect.any(String))]);
  });

  it('of the control API keep the form of that API', async () => {
    expect(await control(org.url, 'POST', 'apps/none/api-token')).toMatchObject({
      error: expect.stringContaining('"none"'),
    });
    for (const change of [{ limit: -1 }, { windowSeconds: 0 }, { limit: 'x' }])
      expect(await org.ask('PUT', 'rate-limit', change)).toHaveProperty('error');
    expect(await org.ask('POST', 'api-token', { rights: 'god' })).toHaveProperty('error');
  });
});

describe('users', () => {
  it('are found by id and by login, in any case', async () => {
    await org.run('assign', 'Anna@example.com');
    const user = await json('users/anna%40EXAMPLE.com');
    expect(user).toMatchObject({ status: 'ACTIVE', profile: { login: 'Anna@example.com' } });
    expect(await json(`users/${user.id}`)).toEqual(user);
  });

  it('include "me", and like the org are the token’s', async () => {
    expect(await json('users/me')).toMatchObject({ id: expect.stringMatching(/^00u/), status: 'ACTIVE' });
    expect(await json('org')).toMatchObject({ subdomain: org.slug, status: 'ACTIVE' });
  });
});

describe('rate limits', () => {
  const limits = ({ headers, status }: Response) => ({
    status,
    limit: Number(headers.get('x-rate-limit-limit')),
    remaining: Number(headers.get('x-rate-limit-remaining')),
    reset: Number(headers.get('x-rate-limit-reset')),
    date: Date.parse(headers.get('date') ?? '') / 1000,
  });

  it('are in every answer, and count each endpoint of each org separately', async () => {
    await org.ask('PUT', 'rate-limit', { limit: 2, windowSeconds: 3_600 });
    const [first, second, third] = [
      limits(await org.get('users')),
      limits(await org.get('users/nobody')),
      limits(await org.get('users')),
    ];
    expect([first, second, third]).toMatchObject([
      { status: 200, limit: 2, remaining: 1 },
      { status: 404, limit: 2, remaining: 1 },
      { status: 200, limit: 2, remaining: 0 },
    ]);
    expect(first.reset).toBeGreaterThan(first.date);
    const refused = await org.get('users');
    expect(await refused.clone().json()).toMatchObject({ errorCode: 'E0000047' });
    expect(limits(refused)).toMatchObject({ status: 429, limit: 2, remaining: 0, reset: first.reset });
    const other = await Org.create(running, scim.baseUrl);
    expect(limits(await other.get('users'))).toMatchObject({ status: 200, limit: 600, remaining: 599 });
    expect(await org.ask('DELETE', 'rate-limit')).toEqual({ limit: 600, windowSeconds: 60 });
    expect((await org.get('users')).status).toBe(200);
  });
});

describe('tokens', () => {
  it('are shown once and stored as hashes', async () => {
    const database = await Database.connect({
      url: running.testDatabase.url('sandbox'),
      schema: 'sandbox',
      migrations: [],
    });
    const rows = await database.query<{ t: string }>('select t::text as t from okta_api_token t');
    await database.close();
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.map((r) => r.t).join()).not.toContain(org.token);
  });
});

it('keeps the app id of an org over a restart', async () => {
  const place = await createTestDatabase();
  const first = await startSandbox({}, place);
  const connect = (to: RunningSandbox, token: string) =>
    control<{ appId: string }>(to.sandbox.endpoints.okta, 'PUT', 'apps/default', {
      scimBaseUrl: scim.baseUrl,
      token,
      mode: 'oin',
    });
  const { appId } = await connect(first, 't');
  await first.end();
  const upgraded = await startSandbox({}, place);
  const { okta } = upgraded.sandbox.endpoints;
  const appIdOf = async () => (await control<{ appId: string }>(okta, 'GET', 'apps/default')).appId;
  expect(appId).toMatch(/^0oa[0-9A-Za-z]{17}$/);
  expect(await appIdOf()).toBe(appId);
  await connect(upgraded, 'another');
  expect(await appIdOf()).toBe(appId);
  const { apiToken } = await control<{ apiToken: string }>(okta, 'POST', 'apps/default/api-token');
  expect(await all(org.client({ endpoint: okta, apiToken }).appUsers(appId))).toEqual([]);
  await upgraded.stop();
});
