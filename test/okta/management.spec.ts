/** libs/okta against the sandbox Okta over real HTTP. */
import { OktaError } from '#okta';
import { ScimRecorder } from '../support/scim-recorder.js';
import { control, startSandbox, type RunningSandbox } from '../support/sandbox.js';
import { all, Org } from './org.js';

let running: RunningSandbox;
let scim: ScimRecorder;
beforeAll(async () => {
  [running, scim] = await Promise.all([startSandbox(), ScimRecorder.start()]);
});
afterAll(async () => {
  await running.stop();
  await scim.stop();
});

const ANNA = 'anna@example.com';
const org = async (): Promise<Org> => {
  scim.clear();
  const made = await Org.create(running, scim.baseUrl);
  await made.forgetCalls();
  return made;
};
const anna = async (o: Org): Promise<{ id: string; remoteId: string }> => {
  await o.run('assign', ANNA);
  const { people } = await o.ask<{ people: { id: string; login: string; remoteId: string }[] }>('GET', 'people');
  return people.find((p) => p.login === ANNA) as { id: string; remoteId: string };
};
const fails = async (work: Promise<unknown>): Promise<OktaError> => {
  const error = await work.then(
    () => null,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(OktaError);
  return error as OktaError;
};

describe('a person', () => {
  it('has the status that Okta has, and is null once deleted', async () => {
    const o = await org();
    const { id } = await anna(o);
    const okta = o.client();
    const seen: unknown[] = [(await okta.user(id))?.status];
    for (const verb of ['suspend', 'unsuspend', 'deactivate']) {
      await o.run(verb, ANNA);
      seen.push((await okta.user(id))?.status);
    }
    expect(seen).toEqual(['ACTIVE', 'SUSPENDED', 'ACTIVE', 'DEPROVISIONED']);
    expect(await okta.user(id)).toEqual({
      id,
      status: 'DEPROVISIONED',
      statusChanged: expect.stringMatching(/Z$/),
      lastUpdated: expect.stringMatching(/Z$/),
      profile: { login: ANNA, email: ANNA, firstName: 'anna', lastName: 'Person', displayName: null },
    });
    await o.run('delete', ANNA);
    expect(await okta.user(id)).toBeNull();
  });

  it('has the instant of the last change of status, which a change of the profile does not affect', async () => {
    const o = await org();
    const { id } = await anna(o);
    const before = await o.client().user(id);
    await o.ask('POST', 'update', { login: ANNA, profile: { title: 'Lead' } });
    expect((await o.client().user(id))?.statusChanged).toBe(before?.statusChanged);
    await o.run('suspend', ANNA);
    const after = await o.client().user(id);
    expect(Date.parse(after?.statusChanged ?? '')).toBeGreaterThan(Date.parse(before?.statusChanged ?? ''));
  });

  it('of another tenant is not found', async () => {
    const [mine, other] = [await org(), await org()];
    const { id } = await anna(other);
    expect(await mine.client().user(id)).toBeNull();
    expect(await fails(all(mine.client().appUsers(other.appId)))).toMatchObject({ code: 'not_found' });
    expect(await all(mine.client().users())).toEqual([]);
  });
});

describe('the people of the app', () => {
  it('can be read one by one', async () => {
    const [o, other] = [await org(), await org()];
    const { id, remoteId } = await anna(o);
    expect(await o.client().appUser(o.appId, id)).toMatchObject({ id, externalId: remoteId, userName: ANNA });
    // Okta's answer about the person is the same 404, but here the app itself does not exist.
    expect(await fails(other.client().appUser(o.appId, id))).toMatchObject({ code: 'not_found', status: 404 });
    await o.run('unassign', ANNA);
    expect(await o.client().appUser(o.appId, id)).toBeNull();
    expect(await fails(o.client().appUser(o.appId, '../../users/me'))).toMatchObject({
      code: 'not_found',
      status: null,
    });
  });

  it("have Okta's id and ours, for as long as they are assigned", async () => {
    const o = await org();
    const { id, remoteId } = await anna(o);
    expect(await all(o.client().appUsers(o.appId))).toEqual([
      {
        id,
        externalId: remoteId,
        status: 'PROVISIONED',
        scope: 'USER',
        syncState: 'SYNCHRONIZED',
        lastUpdated: expect.stringMatching(/Z$/),
        userName: ANNA,
      },
    ]);
    await o.run('unassign', ANNA);
    expect(await all(o.client().appUsers(o.appId))).toEqual([]);
    expect(await all(o.client().users())).toHaveLength(1);
  });

  it('have no SCIM id if their provisioning failed', async () => {
    const o = await org();
    scim.canned.push({ status: 500, body: { detail: 'broken' } });
    await o.run('assign', ANNA);
    expect(await all(o.client().appUsers(o.appId))).toMatchObject([{ externalId: null, syncState: 'ERROR' }]);
  });

  it('do not show a suspension, while the list of users does', async () => {
    const o = await org();
    await anna(o);
    await o.run('suspend', ANNA);
    expect(await all(o.client().appUsers(o.appId))).toMatchObject([{ status: 'PROVISIONED' }]);
    expect(await all(o.client().users({ filter: 'status eq "SUSPENDED"' }))).toMatchObject([{ status: 'SUSPENDED' }]);
  });

  it('are read in as many pages of 500 as needed, each person once', async () => {
    const o = await org();
    const ids = await o.addPeople(1_501);
    expect((await all(o.client().appUsers(o.appId))).map((u) => u.id).sort()).toEqual(ids);
    expect(await o.calls()).toEqual(Array(4).fill('listAppUsers ok'));
    await o.forgetCalls();
    expect((await all(o.client().users())).map((u) => u.id).sort()).toEqual(ids);
    expect(await o.calls()).toEqual(Array(8).fill('listUsers ok'));
  });

  it('are read only as far as they are consumed', async () => {
    const o = await org();
    await o.addPeople(1_200);
    for await (const user of o.client().appUsers(o.appId)) {
      expect(user.id).toMatch(/^00u/);
      break;
    }
    expect(await o.calls()).toEqual(['listAppUsers ok']);
  });
});

describe('the users of the org', () => {
  it('include deprovisioned users only if the filter names them', async () => {
    const o = await org();
    await anna(o);
    await o.run('assign', 'ben@example.com');
    await o.run('deactivate', 'ben@example.com');
    const logins = async (filter?: string) =>
      (await all(o.client().users(filter === undefined ? {} : { filter }))).map((u) => u.profile.login);
    expect(await logins()).toEqual([ANNA]);
    expect(await logins('status eq "DEPROVISIONED"')).toEqual(['ben@example.com']);
    expect((await logins('status eq "ACTIVE" or status eq "DEPROVISIONED"')).sort()).toEqual([ANNA, 'ben@example.com']);
    expect(await fails(logins('profile.login sw "a"'))).toMatchObject({ code: 'invalid_answer', status: 400 });
  });
});

describe('the token', () => {
  it('has an owner that it can read', async () => {
    const o = await org();
    const me = await o.client().me();
    expect(me).toMatchObject({ status: 'ACTIVE', profile: { login: expect.stringContaining('@') } });
    expect((await o.client().me()).id).toBe(me.id);
  });

  it('is refused if it is wrong or revoked', async () => {
    const o = await org();
    expect(await fails(o.client({ apiToken: `00${'x'.repeat(40)}` }).me())).toMatchObject({
      code: 'unauthorized',
      status: 401,
      retryable: false,
    });
    await o.ask('DELETE', 'api-token');
    expect(await fails(o.client().me())).toMatchObject({ code: 'unauthorized' });
  });

  it('reads only its owner after the owner lost their rights', async () => {
    const o = await org();
    const { apiToken } = await o.ask<{ apiToken: string }>('POST', 'api-token', { rights: 'none' });
    const okta = o.client({ apiToken });
    expect(await okta.me()).toMatchObject({ status: 'ACTIVE' });
    expect(await fails(all(okta.appUsers(o.appId)))).toMatchObject({
      code: 'forbidden',
      status: 403,
      retryable: false,
    });
  });

  it('still works after a restart of the sandbox', async () => {
    const o = await org();
    const { apiToken } = await o.ask<{ apiToken: string }>('POST', 'api-token');
    running = await running.restart();
    const again = new URL(running.sandbox.endpoints.okta);
    expect(await o.client({ apiToken, endpoint: again.href }).me()).toMatchObject({ status: 'ACTIVE' });
  });
});

describe("Okta's rate limit", () => {
  it('stops a list before the last fifth, which stays free for other clients and urgent requests', async () => {
    const o = await org();
    const [someone = ''] = await o.addPeople(2_400);
    await o.ask('PUT', 'rate-limit', { limit: 10, windowSeconds: 3_600 });
    const okta = o.client({ maxWaitMs: 5_000 });
    expect(await fails(all(okta.users()))).toMatchObject({ code: 'rate_limited' });
    expect(await o.calls()).toEqual(Array(9).fill('listUsers ok'));
    expect((await o.get('users')).status).toBe(200);
    for (let i = 0; i < 10; i++) expect(await okta.user(someone)).toMatchObject({ id: someone });
    expect(await fails(okta.user(someone))).toMatchObject({ code: 'rate_limited' });
  });

  it('continues a list in the next window, without a single refusal', async () => {
    const o = await org();
    const ids = await o.addPeople(1_400);
    await o.ask('PUT', 'rate-limit', { limit: 5, windowSeconds: 1 });
    expect((await all(o.client().users())).map((u) => u.id).sort()).toEqual(ids);
    expect(await o.calls()).toEqual(Array(7).fill('listUsers ok'));
  });

  it('makes the client wait after a 429 and repeat the request', async () => {
    const o = await org();
    const { id } = await anna(o);
    await o.ask('PUT', 'rate-limit', { limit: 1, windowSeconds: 1 });
    expect((await o.get(`users/${id}`)).status).toBe(200);
    expect(await o.client().user(id)).toMatchObject({ id });
    const calls = await o.calls();
    expect([calls[0], calls.at(-1)]).toEqual(['getUser ok', 'getUser ok']);
    expect(calls.slice(1, -1).every((c) => c === 'getUser E0000047')).toBe(true);
  });

  it('fails with the time to wait if that is too long, without repeating the request', async () => {
    const o = await org();
    const { id } = await anna(o);
    await o.ask('PUT', 'rate-limit', { limit: 1, windowSeconds: 3_600 });
    const okta = o.client({ maxWaitMs: 5_000 });
    await okta.user(id);
    await o.forgetCalls();
    const error = await fails(okta.user(id));
    expect(error).toMatchObject({ code: 'rate_limited', retryable: true, status: 429 });
    expect(error.retryAfterMs).toBeGreaterThan(5_000);
    expect(error.retryAfterMs).toBeLessThan(3_700_000);
    expect(await o.calls()).toEqual([]);
  });

  it('fails the request after three refusals', async () => {
    const o = await org();
    await control(o.url, 'POST', 'faults', { effect: 'throttle', operation: 'getMe', times: 3 });
    await o.ask('PUT', 'rate-limit', { windowSeconds: 1 });
    expect(await fails(o.client().me())).toMatchObject({ code: 'rate_limited' });
    expect(await o.calls()).toEqual(Array(3).fill('getMe E0000047'));
    expect(await o.client().me()).toMatchObject({ status: 'ACTIVE' });
  });
});

describe('an outage', () => {
  it.each([{ effect: 'error' }, { effect: 'error', status: 503 }, { effect: 'disconnect' }])(
    'is retryable, and the client does not retry by itself: %j',
    async (fault) => {
      const o = await org();
      await control(o.url, 'POST', 'faults', { ...fault, operation: 'getMe', times: 1 });
      expect(await fails(o.client().me())).toMatchObject({ code: 'unavailable', retryable: true });
      expect(await o.client().me()).toMatchObject({ status: 'ACTIVE' });
      expect(await o.calls()).toHaveLength(2);
    },
  );
});
