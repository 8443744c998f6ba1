/** `stackflow offboarding` against the running APIs of deactivation-worker and identity-service. */
import { userInfo } from 'node:os';
import { Identity } from '../offboarding-api/identity.js';
import { Rig, type Tenant } from '../offboarding-api/rig.js';

let rig: Rig;
let tenant: Tenant;
let identity: Identity;
beforeAll(async () => {
  rig = await Rig.start();
  identity = await Identity.start(rig.test);
});
beforeEach(async () => {
  tenant = await rig.addTenant();
  await rig.stackNames({ 'identity-service': identity.url });
});
afterAll(async () => {
  await identity.stop();
  await rig.close();
});

const cli = (...args: string[]) => rig.cli(...args, '--tenant', tenant.slug);
const json = async <T>(...args: string[]): Promise<T> => JSON.parse((await cli(...args, '--json')).out) as T;
const person = (name: string, change = {}) => rig.addPerson(tenant, `${name}@example.com`, change);
const at = (ms: number): string => `'2026-01-15T12:00:00Z'::timestamptz + interval '${ms} ms'`;

describe('show', () => {
  it('prints each step with its instant and the milliseconds since the push', async () => {
    const ada = await person('Ada', {
      desired_access: 'disabled',
      active: false,
      provisioned: true,
      actual_access: 'disabled',
    });
    await rig.addCase(
      tenant,
      ada,
      { causation_id: 'request-7', first_refused_by: 'incidents' },
      {
        pushed_at: at(0),
        received_at: at(9),
        fenced_at: at(15),
        disabled_at: at(41),
        signed_out_at: at(60),
        sessions_ended_at: at(20),
        confirmed_at: at(72),
        first_refused_at: at(1234),
      },
    );
    const { code, out } = await cli('show', 'ADA@example.com');
    expect(code).toBe(0);
    for (const line of [
      /^Access +disabled/m,
      /^Cognito +disabled$/m,
      /^Case .*: completed, because of user\.deactivated \(request request-7\)$/m,
      /^Okta's push arrived +2026-01-15T12:00:00\.000Z +0 ms$/m,
      /^services refuse tokens +2026-01-15T12:00:00\.015Z +15 ms$/m,
      /^Cognito disabled +2026-01-15T12:00:00\.041Z +41 ms$/m,
      /^refresh tokens revoked +\S+ +60 ms$/m,
      /^SSO sessions ended +\S+ +20 ms$/m,
      /^confirmed by a read of Cognito +\S+ +72 ms$/m,
      /^first token refused \(incidents\) +\S+ +1234 ms$/m,
    ])
      expect(out).toMatch(line);
    expect(out).not.toMatch(/held|released|open +-/);
  });

  it('says what is still open and why', async () => {
    const ada = await person('ada', {
      desired_access: 'disabled',
      provisioned: true,
      attempts: 3,
      last_error: 'TooManyRequestsException: slow down',
      last_error_class: 'retry',
      due_at: '2100-01-01T00:00:00Z',
    });
    await rig.addCase(tenant, ada, { state: 'running' }, { pushed_at: at(0), fenced_at: at(15) });
    const { out } = await cli('show', ada);
    expect(out).toContain(
      'Still open: Cognito disabled, SSO sessions ended, refresh tokens revoked, confirmed by a read of Cognito. Last error: TooManyRequestsException: slow down (retry, attempt 3, next 2100-01-01T00:00:00.000Z)',
    );
    expect(out).toMatch(/^Cognito disabled +open +-$/m);
  });

  it('says of a held one what to do, and of a released one who did it', async () => {
    const ada = await person('ada');
    const held = await rig.hold(tenant, ada, { held_because: 'last_admin' });
    const { out } = await cli('show', 'ada@example.com');
    expect(out).toContain('nobody with the strongest role would be left');
    expect(out).toMatch(/can sign in again if Okta lets them in\. The case will be released automatically at \d{4}-/);
    expect(out).toContain('npm run stackflow -- offboarding release ada@example.com');
    expect(out).toContain('reactivate the person in Okta');
    await rig.database.query(
      `update offboarding_case set state = 'completed', released_by = 'grace', released_at = clock_timestamp() where id = $1`,
      [held],
    );
    expect((await cli('show', 'ada@example.com')).out).toMatch(/^released by grace +\d{4}-/m);
  });

  it.each([
    ['superseded', 'reactivated before all steps were done'],
    ['discarded', 'only their sessions ended'],
    ['completed', 'No service has reported a refused token'],
  ])('explains a case that is %s', async (state, words) => {
    await rig.addCase(tenant, await person('ada'), { state, ended_at: new Date() });
    const { out } = await cli('show', 'ada@example.com');
    expect(out).toContain(words);
    // Steps that were not needed are not listed as open.
    expect(out).not.toMatch(/ open +-/);
  });

  it('finds people by Okta user id, shows those without a case, and names what Okta said', async () => {
    const ada = await person('ada', { external_id: '00uADA', okta_state: 'suspended', okta_state_at: new Date() });
    const { code, out } = await cli('show', '00uADA');
    expect([code, out]).toEqual([0, expect.stringContaining('was never offboarded')]);
    expect(out).toMatch(/^Okta says +suspended \(since \d{4}-/m);
    expect(await json<unknown>('show', ada.toUpperCase())).toMatchObject({ person: { account: ada }, cases: [] });
  });

  it('says what to try about somebody who is not there', async () => {
    const foreign = await rig.addPerson(await rig.addTenant(), 'eve@example.com');
    for (const who of ['eve@example.com', 'nobody'])
      expect(await cli('show', who)).toMatchObject({
        code: 1,
        err: expect.stringContaining('npm run stackflow -- accounts list'),
      });
    expect(await cli('show', foreign)).toMatchObject({ code: 1, err: expect.stringContaining('no account') });
    expect((await cli('show')).code).toBe(64);
  });
});

describe('list', () => {
  it('is empty in words', async () => {
    expect((await cli('list')).out).toContain('Nobody has been offboarded yet');
    expect((await cli('list', '--state', 'held')).out).toContain('No case is held');
    expect(await json('list')).toEqual([]);
  });

  it('shows people, states and how long it took', async () => {
    for (let i = 0; i < 3; i++)
      await rig.addCase(tenant, await person(`p${i}`), {}, { pushed_at: at(0), confirmed_at: at(70 + i) });
    await rig.addCase(tenant, await person('stuck', { last_error: 'no' }), { state: 'running' });
    const { out } = await cli('list');
    expect(out).toMatch(/p1@example\.com +completed +user\.deactivated +\S+ +after 71 ms +-/);
    expect(out).toMatch(/stuck@example\.com +running +\S+ +\S+ +- +no/);
    expect((await cli('list', '--state', 'running')).out).not.toContain('p1@');
    expect((await cli('list', '--limit', '2')).out).toContain('and more; raise --limit');
  });

  it('refuses what it does not know', async () => {
    expect(await cli('list', '--state', 'open')).toMatchObject({ code: 64, err: expect.stringContaining('held') });
    expect((await cli('list', '--limit', '0')).code).toBe(64);
    expect((await cli('frobnicate')).code).toBe(64);
  });
});

describe('held', () => {
  it('says that nobody is', async () => {
    expect((await cli('held')).out).toBe('Nobody is held.\n');
    expect(await json('held')).toEqual({ tenant: tenant.slug, held: [], total: 0, roleLosses: [], problem: null });
  });

  it('names people and roles, why, until when, and what to do', async () => {
    await rig.hold(tenant, await person('ada'));
    const bob = await person('bob');
    await identity.loses(tenant, bob, 'bob@example.com');
    const { out } = await cli('held');
    expect(out).toMatch(
      /ada@example\.com +ada +\S+ +more people than the brake allows would lose access at once +user\.deactivated +\d{4}-/,
    );
    expect(out).toMatch(
      /bob@example\.com .* nobody with the strongest role would be left +group\.members-changed +\d{4}-\S+ +super_admin/,
    );
    expect(out).toContain('release --all');
    expect(out).toContain('reactivate the person');
  });

  it('shows whom the worker holds also when identity-service is away, and says what it does not know', async () => {
    await rig.hold(tenant, await person('ada'));
    await rig.stackNames({ 'identity-service': 'http://127.0.0.1:1' });
    const { code, out } = await cli('held');
    expect([code, out]).toEqual([0, expect.stringContaining('ada@example.com')]);
    expect(out).toContain('It is not known whether losses of roles are held: identity-service does not answer');
    await rig.stackNames({});
    expect((await cli('held')).out).toContain('contains no identity-service');
    expect((await cli('held', '--url', `identity-service=${identity.url}`)).out).not.toContain('not known');
  });
});

describe('release', () => {
  const states = (...ids: string[]) =>
    Promise.all(ids.map(async (id) => (await rig.caseOf(id))?.released_by ?? 'held'));

  it('wants names or --all, and not both', async () => {
    const held = await rig.hold(tenant, await person('ada'));
    for (const args of [[], ['ada@example.com', '--all']])
      expect(await cli('release', ...args)).toMatchObject({ code: 64, err: expect.stringContaining('--all') });
    expect(await states(held)).toEqual(['held']);
  });

  it('lets the named people through, by name, Okta user id or account id, whichever of the two holds them', async () => {
    const ids = [];
    const [ada, bob] = [await person('ada', { external_id: '00uADA' }), await person('bob')];
    for (const account of [ada, bob, await person('carl'), await person('dora')])
      ids.push(await rig.hold(tenant, account));
    const eve = await person('eve');
    const frank = await person('frank');
    await identity.loses(tenant, eve, 'eve@example.com');
    await identity.loses(tenant, frank, 'frank@example.com');
    await identity.loses(tenant, ada, 'ada@example.com');
    const { code, out } = await cli('release', '00uADA', bob, 'CARL@example.com', 'eve@example.com', '--by', 'grace');
    expect([code, out]).toEqual([
      0,
      expect.stringContaining('3 people lose access, 2 lose roles, in the name of grace'),
    ]);
    expect(await states(...ids)).toEqual(['cli: grace', 'cli: grace', 'cli: grace', 'held']);
    expect(await identity.held(tenant)).toEqual([frank]);
  });

  it('frees nobody if one of the names is not held', async () => {
    const held = await rig.hold(tenant, await person('ada'));
    await person('bob');
    const { code, err } = await cli('release', 'ada@example.com', 'bob@example.com', '--by', 'grace');
    expect([code, err]).toEqual([1, expect.stringContaining('Not held: bob@example.com. Nothing was released.')]);
    expect(await cli('release', 'ada@example.com', 'nobody', '--by', 'grace')).toMatchObject({ code: 1 });
    expect(await states(held)).toEqual(['held']);
  });

  it('does not ask identity-service for anything if only a closing was named', async () => {
    await rig.hold(tenant, await person('ada'));
    await rig.stackNames({ 'identity-service': 'http://127.0.0.1:1' });
    expect(await cli('release', 'ada@example.com')).toMatchObject({
      code: 0,
      out: expect.stringContaining(`1 person loses access, in the name of ${userInfo().username}`),
    });
  });

  it('--all lets everything of the tenant through, and nothing of another', async () => {
    const other = await rig.addTenant();
    const ids = [
      await rig.hold(tenant, await person('ada')),
      await rig.hold(tenant, await person('bob')),
      await rig.hold(other, await rig.addPerson(other, 'eve@example.com')),
    ];
    await identity.loses(tenant, await person('frank'), 'frank@example.com');
    await identity.loses(other, await rig.addPerson(other, 'hal@example.com'), 'hal@example.com');
    expect(await json('release', '--all', '--by', 'grace')).toEqual({
      tenant: tenant.slug,
      cases: 2,
      roleLosses: 1,
      by: 'grace',
    });
    expect(await states(...ids)).toEqual(['cli: grace', 'cli: grace', 'held']);
    expect(await identity.held(tenant)).toEqual([]);
    expect(await identity.held(other)).toHaveLength(1);
    expect((await cli('release', '--all', '--by', 'grace')).out).toBe(
      `Tenant ${tenant.slug}: nothing is held at the moment, so nothing was released.\n`,
    );
  });

  it('releases nothing if several tenants exist and none is named', async () => {
    const held = await rig.hold(tenant, await person('ada'));
    await rig.addTenant();
    const { code, err } = await rig.cli('release', '--all', '--by', 'grace');
    expect([code, err]).toEqual([64, expect.stringContaining('--tenant <slug>')]);
    expect(err).toContain(tenant.slug);
    expect(await states(held)).toEqual(['held']);
  });

  it('--all says how far it came when identity-service is away', async () => {
    const held = await rig.hold(tenant, await person('ada'));
    await rig.stackNames({ 'identity-service': 'http://127.0.0.1:1' });
    const { code, err } = await cli('release', '--all', '--by', 'grace');
    expect([code, err]).toEqual([
      69,
      expect.stringMatching(/1 person loses access, but .*identity-service does not answer/),
    ]);
    expect(await states(held)).toEqual(['cli: grace']);
  });
});

it('retry asks the worker to look at Cognito now', async () => {
  await person('ada', { desired_access: 'disabled' });
  expect(await cli('retry', 'ADA@example.com')).toMatchObject({
    code: 0,
    out: expect.stringContaining('will be read now, and then disabled'),
  });
  expect(await cli('retry', 'nobody')).toMatchObject({ code: 1, err: expect.stringContaining('nobody') });
});

it('says what to do when the worker is away, the token is wrong, or help is needed', async () => {
  expect(await cli('list', '--url', 'deactivation-worker=http://127.0.0.1:1')).toMatchObject({
    code: 69,
    err: expect.stringContaining('npm start'),
  });
  expect(await rig.cliWith({ INTERNAL_API_CREDENTIAL: 'wrong' }, 'held', '--tenant', tenant.slug)).toMatchObject({
    code: 1,
    err: expect.stringContaining('INTERNAL_API_CREDENTIAL'),
  });
  expect(await rig.cli('list', '--tenant', 'nowhere')).toMatchObject({
    code: 1,
    err: expect.stringContaining(tenant.slug),
  });
  const { code, out } = await rig.cli('--help');
  expect(code).toBe(0);
  for (const command of ['show', 'list', 'held', 'release', 'retry']) expect(out).toContain(command);
  expect((await rig.cli('release', '--help')).out).toContain('--by');
});
