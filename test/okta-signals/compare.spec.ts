/** The comparison with Okta: the differences it finds, the people it checks, and what incomplete data must not cause. */
import { jest } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { oktaId } from '../../apps/sandbox/src/okta/model.js';
import { runStackflow } from '../support/command-line.js';
import { call, comparisonPath, Rig, type Org, type OrgPerson, type Worker } from './rig.js';
import { stackSecrets } from '../support/internal-api.js';

let rig: Rig;
let worker: Worker;
beforeAll(async () => {
  rig = await Rig.start();
  worker = await rig.startWorker();
}, 120_000);
afterAll(() => rig.close());
afterEach(() => rig.okta('DELETE', 'faults'));
jest.setTimeout(180_000);

/** Changes in Okta without a push or a hook. */
const silently = {
  unassign: (...people: OrgPerson[]) =>
    rig.admin.query('update sandbox.okta_assignment set assigned = false where person_id = any($1)', [ids(people)]),
  assign: (...people: OrgPerson[]) =>
    rig.admin.query('update sandbox.okta_assignment set assigned = true where person_id = any($1)', [ids(people)]),
  status: (status: string, ...people: OrgPerson[]) =>
    rig.admin.query('update sandbox.okta_person set status = $2 where id = any($1)', [ids(people), status]),
  /** Assigned in Okta, but never pushed. */
  appears: async (org: Org, count: number): Promise<string[]> => {
    const logins = Array.from({ length: count }, () => `${oktaId('00u')}@unknown.example`);
    await rig.admin.query(
      `with p as (insert into sandbox.okta_person (id, slug, login, profile, status)
         select split_part(login, '@', 1), $1, login, '{}', 'ACTIVE' from unnest($2::text[]) as login returning id)
       insert into sandbox.okta_assignment (person_id, remote_id, assigned) select id, null, true from p`,
      [org.slug, logins],
    );
    return logins;
  },
};
const ids = (people: readonly OrgPerson[]): string[] => people.map((p) => p.oktaId);
const states = async (people: readonly OrgPerson[]) =>
  Promise.all(people.map(async (p) => (await rig.state(p)).okta_state));
const knownInactive = (person: OrgPerson) =>
  rig.until('the deactivation', async () => {
    const rows = await rig.admin.query('select 1 from offboarding.person where id = $1 and not active', [person.id]);
    return rows.length === 1;
  });

describe('a comparison', () => {
  it('finds each kind of difference over several pages, and checks each person in Okta before access changes', async () => {
    const org = await rig.org();
    const people = await rig.people(org, 40);
    await silently.appears(org, 1_100); // three pages
    const [suspended, missing, gone, keptOut, inactive, ...others] = people as [
      OrgPerson,
      OrgPerson,
      OrgPerson,
      OrgPerson,
      OrgPerson,
      ...OrgPerson[],
    ];
    await rig.directory.addPerson(org.tenant, 'no-okta-id', { externalId: null, userName: 'no-okta-id@example.com' });
    await silently.status('SUSPENDED', suspended, keptOut);
    await silently.unassign(missing, gone);
    await silently.status('DEPROVISIONED', gone);
    await rig.directory.setActive(inactive, false);
    await knownInactive(inactive);
    const first = await rig.compare(worker, org);
    expect(first).toMatchObject({ state: 'done', cause: 'request', checked: 4, changed: 4, error: null });
    expect(first.progress.drift).toEqual({
      unknown_here: { count: 1_100, sample: expect.any(Array) },
      inactive_here: { count: 1, sample: [inactive.login] },
      suspended_in_okta: { count: 2, sample: expect.arrayContaining([suspended.login, keptOut.login]) },
      missing_in_okta: { count: 2, sample: expect.arrayContaining([missing.login, gone.login]) },
      kept_out_here: { count: 0, sample: [] },
      without_okta_id: { count: 1, sample: ['no-okta-id@example.com'] },
    });
    expect(first.progress).toMatchObject({ phase: 'done', oktaUsers: 1_138 });
    expect(first.progress.drift.unknown_here.sample).toHaveLength(20);
    expect(await states([suspended, missing, gone, keptOut])).toEqual([
      'suspended',
      'unassigned',
      'deprovisioned',
      'suspended',
    ]);
    expect((await rig.state(missing)).cases).toEqual([
      { cause: 'okta.unassigned', causation_id: `okta-comparison:${first.id}`, state: expect.any(String) },
    ]);
    expect(new Set(await states(others))).toEqual(new Set([null]));
    for (const person of others.slice(0, 3)) expect(await rig.requests(person)).toEqual([]);

    await silently.status('ACTIVE', keptOut);
    await silently.assign(missing);
    const second = await rig.compare(worker, org);
    expect(second.progress.drift.kept_out_here).toEqual({
      count: 2,
      sample: expect.arrayContaining([keptOut.login, missing.login]),
    });
    expect(second).toMatchObject({ checked: 2, changed: 2 });
    expect(await states([suspended, missing, gone, keptOut])).toEqual(['suspended', null, 'deprovisioned', null]);
  });

  it('changes nothing if it finds no difference', async () => {
    const org = await rig.org();
    const people = await rig.people(org, 3);
    const run = await rig.compare(worker, org);
    expect(run).toMatchObject({ state: 'done', checked: 0, changed: 0 });
    for (const person of people)
      expect(await rig.state(person)).toEqual({ desired_access: 'enabled', okta_state: null, cases: [] });
    expect(await rig.metric(worker, 'okta_drift', { kind: 'missing_in_okta' })).toBeDefined();
  });

  it('keeps access of a person whom the list omits but whom Okta reports as assigned', async () => {
    const org = await rig.org();
    const [person] = await rig.people(org, 2);
    if (!person) throw new Error('two people');
    await silently.unassign(person);
    await rig.okta('POST', 'faults', { effect: 'latency', ms: 2_000, operation: 'getUser', username: person.oktaId });
    const { body } = await call<{ run: string }>(worker, 'POST', comparisonPath(org));
    await rig.compared(worker, org, (r) => r.progress.phase === 'checks');
    await silently.assign(person); // assigned while the list was read
    const run = await rig.compared(worker, org, (r) => r.id === body.run && r.state === 'done');
    expect(run).toMatchObject({ checked: 1, changed: 0 });
    expect(run.progress.drift.missing_in_okta.count).toBe(1);
    expect(await rig.state(person)).toEqual({ desired_access: 'enabled', okta_state: null, cases: [] });
  });

  it('counts people of a tenant without "Deactivate on Offboard" who kept access, and checks none of them', async () => {
    const org = await rig.org({ deactivateOnOffboard: false });
    const [unassigned, pushed] = await rig.people(org, 3);
    if (!unassigned || !pushed) throw new Error('three people');
    await silently.unassign(unassigned, pushed);
    await rig.directory.setActive(pushed, false);
    await knownInactive(pushed);
    const run = await rig.compare(worker, org);
    expect(run).toMatchObject({ state: 'done', checked: 0 });
    const logins = [unassigned.login, pushed.login];
    expect(run.progress.people).toBe(3);
    expect(run.progress.drift.missing_in_okta).toEqual({ count: 2, sample: expect.arrayContaining(logins) });
    expect(await states([unassigned, pushed])).toEqual([null, null]);
  });
});

describe('a comparison of people whom SCIM has deactivated, but who still have access', () => {
  /** Inactive in the directory, with access and without a case: their deactivation got lost. */
  const loseDeactivation = (person: OrgPerson) =>
    rig.admin.query('update offboarding.person set active = false where id = $1', [person.id]);

  it('ends the access of a person whose deactivation got lost', async () => {
    const org = await rig.org();
    const [lost] = (await rig.people(org, 3)) as [OrgPerson, ...OrgPerson[]];
    await loseDeactivation(lost);
    await silently.unassign(lost);
    const run = await rig.compare(worker, org);
    expect(run).toMatchObject({ state: 'done', checked: 1, changed: 1, progress: { people: 3 } });
    expect(await rig.state(lost)).toMatchObject({ okta_state: 'unassigned', cases: [{ cause: 'okta.unassigned' }] });
  });

  it('ends the access of a suspended person who kept it because "Deactivate on Offboard" is off', async () => {
    const org = await rig.org({ deactivateOnOffboard: false });
    const [kept] = (await rig.people(org, 2)) as [OrgPerson, ...OrgPerson[]];
    await rig.directory.setActive(kept, false);
    await knownInactive(kept);
    await silently.status('SUSPENDED', kept);
    const run = await rig.compare(worker, org);
    expect(run.progress.drift.suspended_in_okta).toEqual({ count: 1, sample: [kept.login] });
    expect((await rig.state(kept)).okta_state).toBe('suspended');
  });
});

describe('the time of the last comparison', () => {
  const metric = () => rig.metric(worker, 'okta_comparison_last_success_timestamp_seconds');

  it('is not older than the connection of a tenant that was never compared', async () => {
    await rig.admin.query(`delete from offboarding.okta_comparison where state <> 'running'`);
    await rig.org();
    const [oldest] = await rig.admin.query<{ at: number }>(
      `select extract(epoch from min(received_at))::float8 as at from offboarding.tenant_settings where settings -> 'okta' <> 'null'`,
    );
    expect(await metric()).toBeCloseTo(oldest?.at ?? 0, 1);
  });
});

describe('a comparison with incomplete or suspicious data', () => {
  it('stops if the app is empty, unless it is forced', async () => {
    const org = await rig.org();
    const people = await rig.people(org, 3);
    await silently.unassign(...people);
    const refused = await rig.compare(worker, org);
    expect(refused).toMatchObject({ state: 'failed', errorCode: 'okta_app_empty', checked: 0 });
    expect(refused.error).toContain('3 people have access here');
    expect(await states(people)).toEqual([null, null, null]);
    const forced = await rig.compare(worker, org, { force: true });
    expect(forced).toMatchObject({ state: 'done', checked: 3, changed: 3 });
    expect(await states(people)).toEqual(['unassigned', 'unassigned', 'unassigned']);
  });

  it('changes nothing for people on unread pages if Okta fails in the middle', async () => {
    const org = await rig.org();
    await silently.appears(org, 1_100);
    const people = await rig.people(org, 3);
    await silently.unassign(...people);
    await rig.okta('POST', 'faults', { effect: 'latency', ms: 1_500, operation: 'listAppUsers' });
    const { body } = await call<{ run: string }>(worker, 'POST', comparisonPath(org));
    await rig.compared(worker, org, (r) => r.id === body.run && r.progress.oktaUsers >= 500);
    await rig.okta('POST', 'faults', { effect: 'disconnect', operation: 'listAppUsers' });
    const run = await rig.compared(worker, org, (r) => r.id === body.run && r.state !== 'running');
    expect(run).toMatchObject({ state: 'failed', errorCode: 'unavailable', checked: 0 });
    expect(run.progress.oktaUsers).toBeLessThan(1_100);
    expect(await states(people)).toEqual([null, null, null]);
  });

  it('reports whether the token, the rights or the app are wrong', async () => {
    const org = await rig.org();
    const person = await rig.person(org);
    await rig.directory.configure(org.tenant, { okta: { domain: 'sandbox.okta.com', appId: oktaId('00u') } });
    await rig.until('a refusal', async () => (await rig.compare(worker, org)).errorCode === 'not_found');
    await rig.okta('DELETE', `apps/${org.slug}/api-token`);
    const run = await rig.compare(worker, org);
    expect(run).toMatchObject({ state: 'failed', errorCode: 'unauthorized' });
    expect(run.error).toContain('Create a new token in Okta');
    expect(run.error).not.toContain(org.apiToken);
    expect((await rig.state(person)).okta_state).toBeNull();
  });

  it('is subject to the brake', async () => {
    const org = await rig.org({ brake: { percent: 0, atLeast: 1, windowMinutes: 60, holdHours: 24 } });
    const people = await rig.people(org, 4);
    await rig.accounts.provision(people);
    for (const person of people) await rig.untilAccess(person, { enabled: true, status: 'active' });
    await silently.unassign(...people.slice(0, 3));
    const run = await rig.compare(worker, org);
    expect(run).toMatchObject({ state: 'done', changed: 3 });
    const cases = (await Promise.all(people.map((p) => rig.state(p)))).flatMap((s) => s.cases);
    expect(cases.map((c) => c.cause)).toEqual(['okta.unassigned', 'okta.unassigned', 'okta.unassigned']);
    await rig.until('the brake', async () => {
      const accesses = await Promise.all(people.map(async (p) => (await rig.state(p)).desired_access));
      return accesses.filter((access) => access === 'disabled').length === 1;
    });
    const again = await rig.compare(worker, org);
    expect(again.progress.drift.missing_in_okta.count).toBe(2); // held, with Okta's state in their rows
    expect(again.checked).toBe(0);
  });
});

describe('comparisons of one tenant', () => {
  it('run one at a time, over all replicas', async () => {
    const org = await rig.org();
    await rig.people(org, 2);
    const replica = await rig.startWorker();
    await rig.okta('POST', 'faults', { effect: 'latency', ms: 1_500, operation: 'listAppUsers', times: 1 });
    const answers = await Promise.all(
      [worker, replica, worker].map((w) => call<unknown>(w, 'POST', comparisonPath(org))),
    );
    expect(answers.map((a) => a.status).sort()).toEqual([202, 409, 409]);
    await rig.compared(worker, org, (r) => r.state === 'done');
    await replica.stop();
  });

  it('end as failed when their process ends, and can be repeated', async () => {
    const org = await rig.org();
    const people = await rig.people(org, 3);
    const [person] = people;
    if (!person) throw new Error('three people');
    await silently.unassign(person);
    const dying = await rig.startWorker();
    await rig.okta('POST', 'faults', { effect: 'latency', ms: 5_000, operation: 'listAppUsers' });
    const { body } = await call<{ run: string }>(dying, 'POST', comparisonPath(org));
    await dying.stop();
    await rig.okta('DELETE', 'faults');
    expect(await rig.compared(worker, org, () => true)).toMatchObject({ id: body.run, state: 'failed' });
    // A process that was killed: it no longer renews the row.
    await rig.admin.query(
      `insert into offboarding.okta_comparison (id, tenant, cause, progress, seen_at)
       select gen_random_uuid(), tenant, 'nightly', progress, clock_timestamp() - interval '2 minutes' from offboarding.okta_comparison where id = $1`,
      [body.run],
    );
    expect(await rig.compare(worker, org)).toMatchObject({ state: 'done', changed: 1 });
    const runs = await rig.admin.query<{ state: string; error_code: string | null }>(
      'select state, error_code from offboarding.okta_comparison where tenant = $1 order by started_at',
      [org.tenant.id],
    );
    expect(runs.map((r) => r.state)).toEqual(['failed', 'failed', 'done']);
    expect(runs[1]?.error_code).toBe('interrupted');
  });

  it('are refused for unconnected and unknown tenants, and without a credential', async () => {
    const unconnected = await rig.directory.addTenant();
    const route = `/internal/tenants/${unconnected.id}/okta/comparison`;
    await rig.until('the tenant', async () => (await call(worker, 'POST', route)).status === 409);
    expect((await call<{ code: string }>(worker, 'POST', route)).body.code).toBe('okta_not_connected');
    expect((await call(worker, 'GET', route)).status).toBe(404);
    const nobody = '/internal/tenants/00000000-0000-4000-8000-000000000000/okta/comparison';
    expect((await call(worker, 'POST', nobody)).status).toBe(404);
    expect((await call(worker, 'POST', '/internal/tenants/x/okta/comparison')).status).toBe(400);
    expect((await call(worker, 'POST', route, { force: 'yes' })).status).toBe(400);
    expect((await call(worker, 'POST', route, undefined, {})).status).toBe(401);
  });
});

describe('the nightly comparison', () => {
  it('runs once for each connected tenant, in whichever replica is first', async () => {
    const orgs = [await rig.org(), await rig.org()];
    const missing = await rig.person(orgs[0] as Org);
    await rig.person(orgs[0] as Org);
    await silently.unassign(missing);
    const hour = String(new Date().getUTCHours());
    const night = await Promise.all([1, 2].map(() => rig.startWorker({ OKTA_COMPARISON_HOUR: hour })));
    const runs = (org: Org) =>
      rig.admin.query<{ cause: string; state: string; error_code: string | null }>(
        'select cause, state, error_code from offboarding.okta_comparison where tenant = $1',
        [org.tenant.id],
      );
    const isDone = async (org: Org): Promise<boolean> => {
      // On a busy machine Okta may answer too late. The next attempt would be in half an hour; here it is made at once.
      const sql = `update offboarding.okta_comparison set started_at = started_at - interval '1 hour' where tenant = $1 and error_code = 'unavailable'`;
      await rig.admin.query(sql, [org.tenant.id]);
      return (await runs(org)).some((run) => run.state === 'done');
    };
    for (const org of orgs) await rig.until('the night', () => isDone(org));
    await rig.untilState(missing, 'unassigned');
    for (const org of orgs)
      expect((await runs(org)).filter((run) => run.error_code !== 'unavailable')).toEqual([
        { cause: 'nightly', state: 'done', error_code: null },
      ]);
    for (const replica of night) await replica.stop();
  });
});

describe('stackflow accounts compare-okta', () => {
  it('prints the differences and their consequences, with the addresses of the running stack', async () => {
    const org = await rig.org();
    const [suspended, missing] = await rig.people(org, 3);
    if (!suspended || !missing) throw new Error('three people');
    await silently.status('SUSPENDED', suspended);
    await silently.unassign(missing);
    const folder = await mkdtemp(path.join(tmpdir(), 'stack-'));
    try {
      const services = { 'deactivation-worker': { url: worker.url } };
      await writeFile(path.join(folder, 'stack.json'), JSON.stringify({ services }));
      await writeFile(path.join(folder, 'secrets.json'), stackSecrets);
      const run = (...args: string[]) =>
        runStackflow(['accounts', 'compare-okta', '--tenant', org.slug, ...args], { STACK_DIR: folder });
      const first = await run();
      expect({ code: first.code, err: first.err }).toEqual({ code: 0, err: '' });
      expect(first.out).toContain('Compared 2 users of the Okta app with 3 people');
      expect(first.out).toContain(`1 suspended in Okta, but with access here: ${suspended.login}`);
      expect(first.out).toContain(`1 not assigned in Okta, but with access here: ${missing.login}`);
      expect(first.out).toContain('For 2 of them, Okta reported a state that was not recorded here');
      await silently.status('ACTIVE', suspended);
      await silently.unassign(...(await rig.people(org, 1)), suspended);
      await rig.admin.query(
        `update sandbox.okta_assignment set assigned = false where person_id in (select id from sandbox.okta_person where slug = $1)`,
        [org.slug],
      );
      const empty = await run();
      expect(empty.code).toBe(69);
      expect(empty.err).toContain('--force');
      expect((await run('--force', '--json')).code).toBe(0);
      const detached = await run('--no-wait');
      expect(detached.code).toBe(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
