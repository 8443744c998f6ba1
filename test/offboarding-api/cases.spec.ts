/** The internal API of deactivation-worker about people and cases, and the release of held cases. */
import { randomUUID } from 'node:crypto';
import type { CasePage as Page, HeldCases as Held, Json, PeopleList, PersonTimeline } from '#contracts';
import { offboardingCase } from '#events';
import { eventually } from '../support/waiting.js';
import { Rig, type Tenant } from './rig.js';
import { TOKEN } from '../support/internal-api.js';

interface ProblemBody {
  readonly code: string;
  readonly detail: string;
}

let rig: Rig;
let tenant: Tenant;
let other: Tenant;
beforeAll(async () => void (rig = await Rig.start()));
beforeEach(async () => {
  tenant = await rig.addTenant();
  other = await rig.addTenant();
});
afterAll(() => rig.close());

const base = (of: Tenant = tenant): string => `/internal/tenants/${of.id}`;
const ids = (cases: readonly { id: string }[]): string[] => cases.map((c) => c.id);

describe('the list of cases', () => {
  it('is newest first and pages without gaps or repetitions, although many cases have the same instant', async () => {
    const expected: string[] = [];
    for (let i = 0; i < 7; i++) {
      const account = await rig.addPerson(tenant, `p${i}@example.com`);
      expected.push(await rig.addCase(tenant, account, { received_at: '2026-01-15T12:00:00.123456Z' }));
    }
    const newest = await rig.addCase(tenant, await rig.addPerson(tenant, 'last@example.com'));
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const { body }: { body: Json<Page> } = await rig.http<Json<Page>>(
        'GET',
        `${base()}/cases?limit=3${cursor && `&cursor=${cursor}`}`,
      );
      expect(body.cases.length).toBeLessThanOrEqual(3);
      seen.push(...ids(body.cases));
      cursor = body.next;
    }
    expect(seen).toEqual([newest, ...expected.sort().reverse()]);
  });

  it('can be filtered by state, and shows the last error of a running case', async () => {
    const account = await rig.addPerson(tenant, 'ada@example.com', {
      desired_access: 'disabled',
      attempts: 4,
      last_error: 'Cognito says no',
      last_error_class: 'permanent',
      due_at: '2100-01-01T00:00:00Z',
    });
    const done = await rig.addCase(tenant, account);
    const running = await rig.addCase(tenant, account, { state: 'running', fenced_at: new Date() });
    const list = async (state: string) =>
      (await rig.http<Json<Page>>('GET', `${base()}/cases?state=${state}`)).body.cases;
    expect(ids(await list('completed'))).toEqual([done]);
    expect(await list('running')).toMatchObject([
      {
        id: running,
        attempts: 4,
        lastError: 'Cognito says no',
        lastErrorClass: 'permanent',
        nextAttemptAt: '2100-01-01T00:00:00.000Z',
      },
    ]);
    // The runner's queue is not about a case that has ended.
    expect((await list('completed'))[0]).toMatchObject({ attempts: 0, lastError: null, nextAttemptAt: null });
  });

  it('has the shape of the event catalog', async () => {
    const account = await rig.addPerson(tenant, 'ada@example.com');
    await rig.addCase(tenant, account, {}, { fenced_at: 'now', disabled_at: 'now', confirmed_at: 'now' });
    const { body } = await rig.http<Json<Page>>('GET', `${base()}/cases`);
    expect(() => offboardingCase.parse(body.cases[0])).not.toThrow();
  });

  it('refuses a cursor that is invalid, unknown or of another tenant', async () => {
    const foreign = await rig.addCase(other, await rig.addPerson(other, 'eve@example.com'));
    for (const cursor of ['1', '%00', 'null', '', randomUUID(), foreign]) {
      const { status, type, body } = await rig.http<ProblemBody>('GET', `${base()}/cases?cursor=${cursor}`);
      expect([cursor, status, body.code]).toEqual([cursor, 400, 'invalid_request']);
      expect(type).toContain('application/problem+json');
      expect(body.detail).toContain('cursor');
    }
  });

  it.each(['limit=0', 'limit=1001', 'limit=x', 'limit=1&limit=2', 'limit=1.5', 'state=open', 'state=', 'surprise=1'])(
    'refuses the query %s',
    async (query) => {
      const { status, body } = await rig.http<ProblemBody>('GET', `${base()}/cases?${query}`);
      expect([status, body.code]).toEqual([400, 'invalid_request']);
      expect(body.detail).toContain(query.split('=')[0]);
    },
  );
});

describe('one account', () => {
  it('is found by user name in any case, Okta user id or account id', async () => {
    const account = await rig.addPerson(tenant, 'Ada@Example.com', { external_id: '00uADA' });
    await rig.addPerson(tenant, 'bob@example.com');
    for (const query of ['who=ada%40example.COM', 'who=00uADA', `who=${account}`, `who=${account.toUpperCase()}`])
      expect((await rig.http<Json<PeopleList>>('GET', `${base()}/accounts?${query}`)).body.people).toEqual([
        expect.objectContaining({ account, userName: 'Ada@Example.com', desiredAccess: 'enabled' }),
      ]);
    for (const query of ['who=00uada', `who=${randomUUID()}`, 'who=nobody'])
      expect((await rig.http<Json<PeopleList>>('GET', `${base()}/accounts?${query}`)).body.people).toEqual([]);
  });

  it('with a user name that a deletion freed comes before the deleted one', async () => {
    await rig.addPerson(tenant, 'ada@example.com', { deleted: true });
    const now = await rig.addPerson(tenant, 'ada@example.com');
    const { body } = await rig.http<Json<PeopleList>>('GET', `${base()}/accounts?who=ada%40example.com`);
    expect(body.people.map((a) => [a.account === now, a.deleted])).toEqual([
      [true, false],
      [false, true],
    ]);
  });

  it('cannot be looked up without saying who', async () => {
    for (const query of ['', '?who=', '?who=%00', '?userName=a', '?who=a&who=b'])
      expect([query, (await rig.http('GET', `${base()}/accounts${query}`)).status]).toEqual([query, 400]);
  });

  it('has a timeline, newest case first', async () => {
    const account = await rig.addPerson(tenant, 'ada@example.com', {
      actual_access: 'disabled',
      published_status: 'inactive',
    });
    const old = await rig.addCase(tenant, account, { received_at: '2026-01-01T00:00:00Z', state: 'superseded' });
    const young = await rig.addCase(tenant, account);
    const { body } = await rig.http<Json<PersonTimeline>>('GET', `${base()}/accounts/${account}/timeline`);
    expect(ids(body.cases)).toEqual([young, old]);
    expect(body.person).toMatchObject({ account, actualAccess: 'disabled', publishedStatus: 'inactive' });
  });
});

describe('what is held', () => {
  it('is listed with names, longest held first, and with the instant of its release by the timer', async () => {
    const strict = await rig.addTenant();
    const [ada, bob] = [await rig.addPerson(strict, 'ada@example.com'), await rig.addPerson(strict, 'bob@example.com')];
    const heldAt = new Date(Date.now() - 60_000);
    const young = await rig.hold(strict, ada);
    const until = new Date(heldAt.getTime() + 3_600_000);
    const old = await rig.hold(strict, bob, { held_at: heldAt, held_until: until, held_because: 'last_admin' });
    const { body } = await rig.http<Json<Held>>('GET', `${base(strict)}/held`);
    expect([body.total, ids(body.held)]).toEqual([2, [old, young]]);
    expect(body.held[0]).toMatchObject({
      userName: 'bob@example.com',
      displayName: 'bob',
      heldBecause: 'last_admin',
      heldUntil: until.toISOString(),
    });
    const cut = await rig.http<Json<Held>>('GET', `${base(strict)}/held?limit=1`);
    expect([cut.body.total, ids(cut.body.held)]).toEqual([2, [old]]);
  });

  it('is empty if nobody is held', async () => {
    expect((await rig.http('GET', `${base()}/held`)).body).toEqual({ held: [], total: 0 });
  });
});

describe('a release', () => {
  const release = (of: Tenant, body: unknown) =>
    rig.http<{ released: number } & ProblemBody>('POST', `${base(of)}/held/release`, body);
  const isHeld = async (id: string): Promise<boolean> => (await rig.caseOf(id))?.state === 'held';

  it('releases the named cases and records who did it', async () => {
    const [first, second] = [
      await rig.hold(tenant, await rig.addPerson(tenant, 'ada@example.com')),
      await rig.hold(tenant, await rig.addPerson(tenant, 'bob@example.com')),
    ];
    expect(await release(tenant, { cases: [first, first, randomUUID()], by: 'grace' })).toMatchObject({
      status: 200,
      body: { released: 1 },
    });
    expect(await rig.caseOf(first)).toMatchObject({ released_by: 'cli: grace', released_at: expect.any(Date) });
    expect([await isHeld(first), await isHeld(second)]).toEqual([false, true]);
    expect((await release(tenant, { cases: [first], by: 'eve' })).body.released).toBe(0);
    expect(await rig.caseOf(first)).toMatchObject({ released_by: 'cli: grace' });
  });

  it('releases all cases of a tenant, and none of another tenant', async () => {
    const mine = [
      await rig.hold(tenant, await rig.addPerson(tenant, 'ada@example.com')),
      await rig.hold(tenant, await rig.addPerson(tenant, 'bob@example.com')),
    ];
    const foreign = await rig.hold(other, await rig.addPerson(other, 'eve@example.com'));
    expect((await release(tenant, { cases: [foreign], by: 'grace' })).body.released).toBe(0);
    expect((await release(tenant, { by: 'grace' })).body.released).toBe(2);
    expect(await Promise.all([...mine, foreign].map(isHeld))).toEqual([false, false, true]);
  });

  it.each([
    ['null instead of a list', { cases: null, by: 'grace' }, 'cases'],
    ['an empty list', { cases: [], by: 'grace' }, 'cases'],
    ['a list of invalid ids', { cases: ['all'], by: 'grace' }, 'cases'],
    ['text instead of a list', { cases: 'all', by: 'grace' }, 'cases'],
    ['a list inside the list', { cases: [[randomUUID()]], by: 'grace' }, 'cases'],
    ['a huge list', { cases: Array.from({ length: 10_001 }, () => randomUUID()), by: 'grace' }, 'cases'],
    ['no name', {}, 'by'],
    ['a blank name', { by: '  ' }, 'by'],
    ['a name of two lines', { by: 'grace\n"code":"x"' }, 'by'],
    ['a name that is too long', { by: 'g'.repeat(201) }, 'by'],
    ['an object as name', { by: { $ne: 1 } }, 'by'],
    ['an unknown field', { by: 'grace', tenant: randomUUID() }, 'tenant'],
    ['invalid JSON', '{', 'JSON'],
    ['a body beyond the limit', { by: 'grace', cases: ['x'.repeat(2_000_000)] }, 'large'],
  ])('with %s releases nobody', async (_, body, mentioned) => {
    const held = await rig.hold(tenant, await rig.addPerson(tenant, 'ada@example.com'));
    const { status, body: answer } = await release(tenant, body);
    expect([status, answer.code]).toEqual([400, 'invalid_request']);
    expect(answer.detail).toContain(mentioned);
    expect(await isHeld(held)).toBe(true);
  });

  it('counts each case once, also when several are requested at the same time', async () => {
    for (let i = 0; i < 20; i++) await rig.hold(tenant, await rig.addPerson(tenant, `p${i}@example.com`));
    const answers = await Promise.all(['ada', 'bob', 'eve'].map((by) => release(tenant, { by })));
    expect(answers.reduce((sum, { body }) => sum + body.released, 0)).toBe(20);
  });
});

describe('a retry', () => {
  it('makes the worker read Cognito at once, whatever the backoff says', async () => {
    const account = await rig.addPerson(tenant, 'ada@example.com', {
      desired_access: 'disabled',
      actual_access: 'disabled',
      last_error_class: 'permanent',
      due_at: '2100-01-01T00:00:00Z',
    });
    const { status, body } = await rig.http('POST', `${base()}/accounts/${account}/retry`);
    expect([status, body]).toEqual([202, { account, retrying: true }]);
    // There is no Cognito here, so the attempt fails, which shows that there was one.
    await eventually(async () => {
      const [person] = await rig.database.query<{ last_error_class: string; actual_access: unknown }>(
        'select last_error_class, actual_access from person where id = $1',
        [account],
      );
      expect(person).toEqual({ last_error_class: 'retry', actual_access: null });
    }, 60_000);
  }, 90_000);

  it('is refused for a person of another tenant', async () => {
    const account = await rig.addPerson(tenant, 'ada@example.com', { due_at: '2100-01-01T00:00:00Z' });
    expect((await rig.http('POST', `${base(other)}/accounts/${account}/retry`)).status).toBe(404);
    const [person] = await rig.database.query<{ revision: string }>('select revision from person where id = $1', [
      account,
    ]);
    expect(person?.revision).toBe('0');
  });
});

describe('the API', () => {
  it('shows nothing of one tenant in answers about another (P4)', async () => {
    const account = await rig.addPerson(tenant, 'ada@example.com');
    await rig.hold(tenant, account);
    expect((await rig.http<Json<Page>>('GET', `${base(other)}/cases`)).body.cases).toEqual([]);
    expect((await rig.http<Json<Held>>('GET', `${base(other)}/held`)).body).toEqual({ held: [], total: 0 });
    expect((await rig.http('GET', `${base(other)}/accounts?who=ada%40example.com`)).body).toEqual({
      people: [],
    });
    expect((await rig.http<ProblemBody>('GET', `${base(other)}/accounts/${account}/timeline`)).body.code).toBe(
      'not_found',
    );
  });

  it('needs a credential and valid ids', async () => {
    for (const [method, route] of [
      ['GET', 'cases'],
      ['GET', 'held'],
      ['POST', 'held/release'],
      ['GET', 'accounts?who=a'],
      ['GET', `accounts/${randomUUID()}/timeline`],
      ['POST', `accounts/${randomUUID()}/refusals`],
      ['POST', `accounts/${randomUUID()}/retry`],
    ] as const) {
      const refused = await rig.http<ProblemBody>(method, `${base()}/${route}`, undefined, `${TOKEN}x`);
      expect([route, refused.status, refused.body.code]).toEqual([route, 401, 'unauthenticated']);
      expect([route, (await rig.http(method, `/internal/tenants/x/${route}`)).status]).toEqual([route, 400]);
    }
    expect((await rig.http('GET', '/internal/offboarding/percentiles', undefined, 'no')).status).toBe(401);
    expect((await rig.http('GET', `${base()}/accounts/1/timeline`)).status).toBe(400);
  });
});
