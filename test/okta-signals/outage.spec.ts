/** Outages of Okta or the secret store: hints wait visibly, and one tenant's outage affects no other tenant. */
import { jest } from '@jest/globals';
import { eraseOktaSecret, writeOktaSecret } from '#secrets';
import { KillableService } from '../support/killable.js';
import { control } from '../support/sandbox.js';
import { call, deliver, delivery, hookPath, Rig, type OrgPerson, type Worker } from './rig.js';

let rig: Rig;
let worker: Worker;
beforeAll(async () => {
  rig = await Rig.start();
  worker = await rig.startWorker();
}, 120_000);
afterAll(() => rig.close());
afterEach(() => rig.okta('DELETE', 'faults'));
jest.setTimeout(120_000);

const failing = async (oktaId: string): Promise<{ last_error: string; last_error_code: string } | undefined> => {
  const sql = 'select last_error, last_error_code from offboarding.okta_check where user_id = $1 and attempts > 0';
  return (await rig.admin.query<{ last_error: string; last_error_code: string }>(sql, [oktaId]))[0];
};

const attempts = async (tenant: string): Promise<number> => {
  const sql = 'select coalesce(sum(attempts), 0)::int as attempts from offboarding.okta_check where tenant = $1';
  return (await rig.admin.query<{ attempts: number }>(sql, [tenant]))[0]?.attempts ?? 0;
};

it('keeps a hint visible while Okta is unavailable, checks it when Okta is back, and serves other tenants meanwhile', async () => {
  const [ill, well] = [await rig.org(), await rig.org()];
  const [waiting, served] = [await rig.person(ill), await rig.person(well)];
  await rig.okta('POST', 'faults', { effect: 'disconnect', operation: 'getUser', username: waiting.oktaId });
  await rig.verb(ill, 'suspend', waiting);
  await rig.verb(well, 'suspend', served);
  await deliver(worker, ill, delivery({ user: waiting.oktaId }));
  await rig.until('a failure', async () => (await failing(waiting.oktaId)) !== undefined);
  expect(await failing(waiting.oktaId)).toMatchObject({
    last_error_code: 'unavailable',
    last_error: expect.stringContaining('Okta gave no answer'),
  });
  expect(await rig.metric(worker, 'okta_checks_waiting', { state: 'failing' })).toBeGreaterThanOrEqual(1);
  await deliver(worker, well, delivery({ user: served.oktaId }));
  await rig.untilState(served, 'suspended');
  expect((await rig.state(waiting)).okta_state).toBeNull();
  await rig.okta('DELETE', 'faults');
  await rig.untilState(waiting, 'suspended');
  await rig.checked(ill);
  expect(await rig.metric(worker, 'okta_checks_waiting', { state: 'failing' })).toBe(0);
});

it("waits for the next window when Okta's rate limit is used up", async () => {
  const org = await rig.org();
  const people = await rig.people(org, 6);
  for (const person of people) await rig.verb(org, 'suspend', person);
  await rig.okta('PUT', `apps/${org.slug}/rate-limit`, { limit: 2, windowSeconds: 2 });
  await deliver(worker, org, delivery(...people.map((p) => ({ user: p.oktaId }))));
  for (const person of people) await rig.untilState(person, 'suspended');
  const outcomes = await rig.requests(...people);
  expect(outcomes.filter((o) => o === 'ok')).toHaveLength(people.length);
  // Each window begins with an answer. The four checks that run at the same time may then reach the limit together.
  // After that, all wait for the next window.
  const refusals = outcomes.join().split(/(?:ok,?)+/);
  for (const row of refusals) expect(row.match(/E0000047/g)?.length ?? 0).toBeLessThanOrEqual(4);
});

it('pauses a tenant whose Okta refuses us: checks that are under way fail, the others are not made', async () => {
  const [ill, well] = [await rig.org(), await rig.org()];
  const people = await rig.people(ill, 12);
  const served = await rig.person(well);
  await rig.okta('DELETE', `apps/${ill.slug}/api-token`);
  await rig.verb(well, 'suspend', served);
  await deliver(worker, ill, delivery(...people.map((p) => ({ user: p.oktaId }))));
  await deliver(worker, well, delivery({ user: served.oktaId }));
  await rig.untilState(served, 'suspended');
  await rig.until('a failure', async () => (await attempts(ill.tenant.id)) > 0);
  await deliver(worker, well, delivery({ user: served.oktaId })); // as long as a check takes
  await rig.checked(well);
  expect(await attempts(ill.tenant.id)).toBeLessThanOrEqual(4);
});

it('reports a revoked API token as such, and tries a new connection at once', async () => {
  const org = await rig.org();
  const person = await rig.person(org);
  await rig.okta('DELETE', `apps/${org.slug}/api-token`);
  await rig.verb(org, 'suspend', person);
  await deliver(worker, org, delivery({ user: person.oktaId }));
  await rig.until('a failure', async () => (await failing(person.oktaId)) !== undefined);
  expect(await failing(person.oktaId)).toMatchObject({
    last_error_code: 'unauthorized',
    last_error: expect.stringContaining('Okta refuses the API token'),
  });
  expect((await rig.state(person)).okta_state).toBeNull();
  const { apiToken } = await rig.okta<{ apiToken: string }>('POST', `apps/${org.slug}/api-token`);
  await writeOktaSecret(rig.store, org.tenant.id, { apiToken, rotateHookSecret: false, graceMs: 0 });
  await rig.directory.configure(org.tenant, {}); // the event of a new connection
  await rig.untilState(person, 'suspended');
});

describe('the secret of the event hook', () => {
  const answers = async (slug: string, secret: string): Promise<number> =>
    (await call(worker, 'POST', hookPath(slug), delivery(), { authorization: secret })).status;

  it('is accepted at once after a rotation, and the previous one until its grace period ends', async () => {
    const org = await rig.org();
    const rotate = async (graceMs: number): Promise<string> => {
      const change = { apiToken: org.apiToken, rotateHookSecret: true, graceMs };
      const { hookSecret } = await writeOktaSecret(rig.store, org.tenant.id, change);
      await rig.directory.configure(org.tenant, {});
      return hookSecret ?? '';
    };
    expect(await answers(org.slug, org.hookSecret)).toBe(204);
    const second = await rotate(3_600_000);
    await rig.until('the second', async () => (await answers(org.slug, second)) === 204);
    expect(await answers(org.slug, org.hookSecret)).toBe(204);
    const third = await rotate(0);
    await rig.until('the third', async () => (await answers(org.slug, third)) === 204);
    await rig.until('the end of the first', async () => (await answers(org.slug, org.hookSecret)) === 401);
    expect(await answers(org.slug, second)).toBe(401);
    const fourth = await rotate(3_000);
    await rig.until('the fourth', async () => (await answers(org.slug, fourth)) === 204);
    await rig.until('the end of the grace', async () => (await answers(org.slug, third)) === 401);
  });

  it('is refused after a disconnection, and pending checks are deleted', async () => {
    const org = await rig.org();
    const person = await rig.person(org);
    await rig.okta('POST', 'faults', { effect: 'disconnect', operation: 'getUser', username: person.oktaId });
    await deliver(worker, org, delivery({ user: person.oktaId }));
    await rig.until('a failure', async () => (await failing(person.oktaId)) !== undefined);
    await rig.directory.configure(org.tenant, { okta: null });
    await eraseOktaSecret(rig.store, org.tenant.id);
    await rig.until('the refusal', async () => (await answers(org.slug, org.hookSecret)) === 401);
    await rig.checked(org);
  });

  it('leads to a 503, which makes Okta repeat, if it cannot be read', async () => {
    const secretsManager = rig.sandbox.sandbox.endpoints.secretsManager;
    const known = await rig.org();
    expect(await answers(known.slug, known.hookSecret)).toBe(204);
    const fresh = await rig.startWorker();
    await control(secretsManager, 'POST', 'faults', { effect: 'error', operation: 'GetSecretValue' });
    try {
      const headers = { authorization: known.hookSecret };
      const unknown = await call(fresh, 'POST', hookPath(known.slug), delivery(), headers);
      expect(unknown.status).toBe(503);
      expect(unknown.headers.get('retry-after')).toBe('5');
      expect(await answers(known.slug, known.hookSecret)).toBe(204); // in memory
    } finally {
      await control(secretsManager, 'DELETE', 'faults');
      await fresh.stop();
    }
  });
});

describe('a process with claimed checks', () => {
  const claimed = async ({ oktaId }: OrgPerson): Promise<boolean> => {
    const sql = 'select 1 from offboarding.okta_check where user_id = $1 and claim is not null';
    return (await rig.admin.query(sql, [oktaId])).length > 0;
  };

  it('leaves them to others when it ends', async () => {
    const org = await rig.org();
    const person = await rig.person(org);
    await rig.verb(org, 'suspend', person);
    // Claimed by a process that no longer exists.
    await rig.admin.query(
      `insert into offboarding.okta_check (tenant, user_id, causation_id, claim, lease_owner) values ($1, $2, 'x', gen_random_uuid(), gen_random_uuid())`,
      [org.tenant.id, person.oktaId],
    );
    await rig.untilState(person, 'suspended');
    await rig.checked(org);
  });

  it('leaves them to others when it is killed during a check', async () => {
    const org = await rig.org();
    const person = await rig.person(org);
    await rig.verb(org, 'suspend', person);
    await worker.stop();
    const slow = { effect: 'latency', ms: 5_000, times: 1, operation: 'getUser', username: person.oktaId };
    await rig.okta('POST', 'faults', slow);
    const victim = new KillableService('deactivation-worker', rig.environment());
    await victim.start();
    await rig.admin.query(`insert into offboarding.okta_check (tenant, user_id, causation_id) values ($1, $2, 'x')`, [
      org.tenant.id,
      person.oktaId,
    ]);
    await rig.until('the claim', () => claimed(person));
    await victim.kill();
    worker = await rig.startWorker();
    // A lease with a fixed end would last a minute.
    await rig.until('the takeover', async () => (await rig.state(person)).okta_state === 'suspended', 45_000);
    await rig.checked(org);
  });

  it('gives a check back if it could not record the answer', async () => {
    const org = await rig.org();
    const [asked, forgotten] = await rig.people(org, 2);
    if (!asked || !forgotten) throw new Error('two people');
    await rig.verb(org, 'suspend', forgotten);
    const slow = { effect: 'latency', ms: 5_000, times: 1, operation: 'getUser', username: asked.oktaId };
    await rig.okta('POST', 'faults', slow);
    await deliver(worker, org, delivery({ user: asked.oktaId }));
    await rig.until('the claim', () => claimed(asked));
    // A claim of the same process, which no longer works on it.
    await rig.admin.query(
      `insert into offboarding.okta_check (tenant, user_id, causation_id, claim, lease_owner)
       select tenant, $2, 'x', gen_random_uuid(), lease_owner from offboarding.okta_check where user_id = $1`,
      [asked.oktaId, forgotten.oktaId],
    );
    await rig.untilState(forgotten, 'suspended');
    await rig.checked(org);
  });

  it('discards the answer of a check that another process took over meanwhile', async () => {
    const org = await rig.org();
    const person = await rig.person(org);
    const slow = { effect: 'latency', ms: 5_000, times: 1, operation: 'getUser', username: person.oktaId };
    await rig.okta('POST', 'faults', slow);
    await deliver(worker, org, delivery({ user: person.oktaId }));
    await rig.until('the claim', () => claimed(person));
    // It counts as dead while Okta is slow. The next check finds the person suspended, so the slow answer must not count.
    await rig.verb(org, 'suspend', person);
    await rig.admin.query(`update offboarding.okta_check set lease_owner = gen_random_uuid() where user_id = $1`, [
      person.oktaId,
    ]);
    await rig.untilState(person, 'suspended');
    await rig.verb(org, 'unsuspend', person);
    await rig.until('both answers', async () => (await rig.requests(person)).length === 2);
    await rig.checked(org);
    expect((await rig.state(person)).okta_state).toBe('suspended');
  });

  it('is not needed to notice the end of a suspension whose hook was lost', async () => {
    const org = await rig.org();
    const person = await rig.person(org);
    await rig.verb(org, 'suspend', person);
    await deliver(worker, org, delivery({ user: person.oktaId }));
    await rig.untilState(person, 'suspended');
    await rig.verb(org, 'unsuspend', person); // no hook is connected, so no hint arrives
    await rig.admin.query(
      `update offboarding.person set okta_state_at = okta_state_at - interval '16 minutes' where id = $1`,
      [person.id],
    );
    const fresh = await rig.startWorker(); // rechecks when it starts, and every minute
    await rig.untilState(person, null);
    await fresh.stop();
  });
});
