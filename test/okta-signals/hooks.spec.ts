/** Okta's event hooks: their authentication, the checks that a hint causes, and that a hint alone decides nothing. */
import { jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { call, deliver, delivery, hookPath, Rig, type Org, type OrgPerson, type Worker } from './rig.js';

let rig: Rig;
let worker: Worker;
let org: Org;
beforeAll(async () => {
  rig = await Rig.start();
  worker = await rig.startWorker();
  org = await rig.org();
}, 120_000);
afterAll(() => rig.close());
afterEach(() => rig.okta('DELETE', 'faults'));
jest.setTimeout(120_000);

const CHALLENGE = { 'x-okta-verification-challenge': 'abc-123' };
const connectHook = (to: Org, secret = to.hookSecret) =>
  rig.okta('PUT', `apps/${to.slug}/event-hook`, { url: `${worker.url}${hookPath(to.slug)}`, secret });

describe('the verification of an event hook', () => {
  it('is answered as Okta requires, also for an unknown tenant', async () => {
    for (const slug of [org.slug, 'no-such-tenant'])
      expect(await call(worker, 'GET', hookPath(slug), undefined, CHALLENGE)).toMatchObject({
        status: 200,
        body: { verification: 'abc-123' },
      });
    expect((await connectHook(org)).error).toBeUndefined();
  });

  it('fails with a mistyped secret, or without a challenge', async () => {
    expect((await connectHook(org, 'mistyped')).error).toContain('401');
    expect((await call(worker, 'GET', hookPath(org.slug), undefined, {})).status).toBe(400);
  });
});

describe('a delivery', () => {
  it('is accepted with the secret only, and refusals do not reveal which tenants exist', async () => {
    const unconnected = await rig.directory.addTenant();
    const other = await rig.org();
    const body = delivery({ user: '00u00000000000000001' });
    const refused = [
      await deliver(worker, org, body, 'guess'),
      await deliver(worker, org, body, `${org.hookSecret} `.repeat(2)),
      await deliver(worker, org, body, `Bearer ${org.hookSecret}`),
      await deliver(worker, org, body, other.hookSecret),
      await call(worker, 'POST', hookPath(org.slug), body, {}),
      await call(worker, 'POST', hookPath('nobody'), body, { authorization: org.hookSecret }),
      await call(worker, 'POST', hookPath(unconnected.settings.tenant.slug), body, { authorization: org.hookSecret }),
    ];
    for (const answer of refused)
      expect({ status: answer.status, body: answer.body }).toEqual({ status: 401, body: refused[0]?.body });
    expect(await rig.admin.query('select 1 from offboarding.okta_hint')).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['an array', []],
    ['no events', { data: { events: [] } }],
    ['events of another shape', { data: { events: [null, 1, 'x', {}, { uuid: 1 }] } }],
    ['targets that are bombs', { data: { events: [{ uuid: 'x', target: Array.from({ length: 5000 }, () => ({})) }] } }],
    ['an id that is a path', delivery({ user: '../../../../etc/passw' })],
    ['depth', `${'['.repeat(5000)}${']'.repeat(5000)}`],
  ])('of %s is accepted without effect', async (_, body) => {
    expect((await deliver(worker, org, body)).status).toBe(204);
    expect(await rig.admin.query('select 1 from offboarding.okta_hint')).toEqual([]);
  });

  it.each<[string, string, RegExp]>([
    ['no JSON', '{"data":', /JSON/],
    ['a megabyte and more', JSON.stringify({ data: 'x'.repeat(1_100_000) }), /too large/],
  ])('of %s is refused with a problem document', async (_, body, detail) => {
    const answer = await deliver(worker, org, body);
    expect(answer.body).toMatchObject({ status: 400, code: 'invalid_request', detail: expect.stringMatching(detail) });
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });

  it('with a text content type has no events', async () => {
    const person = await rig.person(org);
    const headers = { authorization: org.hookSecret, 'content-type': 'text/plain' };
    const body = JSON.stringify(delivery({ user: person.oktaId }));
    expect((await call(worker, 'POST', hookPath(org.slug), body, headers)).status).toBe(204);
    expect(await rig.admin.query('select 1 from offboarding.okta_hint')).toEqual([]);
  });
});

describe('a suspension in Okta, which SCIM does not report', () => {
  it('ends access, and its end gives access back', async () => {
    await connectHook(org);
    const person = await rig.person(org);
    await rig.accounts.provision([person]);
    await rig.untilAccess(person, { enabled: true, status: 'active' });
    await rig.verb(org, 'suspend', person);
    await rig.untilAccess(person, { enabled: false, status: 'inactive' });
    const { cases } = await rig.state(person);
    const [hint] = await rig.admin.query<{ event_id: string }>(
      'select event_id from offboarding.okta_hint where user_id = $1',
      [person.oktaId],
    );
    expect(cases).toEqual([
      { cause: 'okta.suspended', causation_id: `okta-event:${hint?.event_id}`, state: expect.any(String) },
    ]);
    await rig.verb(org, 'unsuspend', person);
    await rig.untilAccess(person, { enabled: true, status: 'active' });
    expect(await rig.state(person)).toMatchObject({ desired_access: 'enabled', okta_state: null });
  });

  it('is timed from the arrival of the hook, not from the check in Okta', async () => {
    await connectHook(org);
    const person = await rig.person(org);
    await rig.okta('POST', 'faults', { effect: 'latency', ms: 1500, operation: 'getUser', username: person.oktaId });
    await rig.verb(org, 'suspend', person);
    await rig.untilState(person, 'suspended');
    const [row] = await rig.admin.query<{ good: boolean }>(
      `select c.pushed_at <= h.received_at + interval '1 second' and c.received_at >= h.received_at + interval '1.4 seconds' as good
         from offboarding.offboarding_case c join offboarding.okta_hint h on h.user_id = $2 where c.account_id = $1`,
      [person.id, person.oktaId],
    );
    expect(row).toEqual({ good: true });
  });

  it('remains without access when the person is deleted in Okta', async () => {
    await connectHook(org);
    const person = await rig.person(org);
    await rig.verb(org, 'deactivate', person);
    await rig.untilState(person, 'deprovisioned');
    await rig.verb(org, 'delete', person);
    await rig.checked(org);
    expect(await rig.requests(person)).toContain('E0000007');
    const { okta_state, cases } = await rig.state(person);
    expect(okta_state).toBe('deprovisioned');
    expect(cases.map((c) => c.cause)).toEqual(['okta.deprovisioned']);
  });

  it('is not needed for a deleted person, whom any hint about them reveals', async () => {
    const person = await rig.person(org);
    await rig.admin.query(`delete from sandbox.okta_assignment where person_id = $1`, [person.oktaId]);
    await rig.admin.query(`delete from sandbox.okta_person where id = $1`, [person.oktaId]);
    await deliver(worker, org, delivery({ user: person.oktaId, type: 'user.lifecycle.delete.initiated' }));
    await rig.untilState(person, 'deprovisioned');
  });

  it('ends access also without "Deactivate on Offboard", while a deactivation then does not', async () => {
    const spared = await rig.org({ deactivateOnOffboard: false });
    const [suspended, deactivated] = await rig.people(spared, 2);
    if (!suspended || !deactivated) throw new Error('two people');
    await connectHook(spared);
    await rig.verb(spared, 'deactivate', deactivated);
    await rig.verb(spared, 'suspend', suspended);
    await rig.untilState(suspended, 'suspended');
    await rig.checked(spared);
    expect(await rig.requests(deactivated)).toEqual(['ok']);
    expect(await rig.state(deactivated)).toEqual({ desired_access: 'enabled', okta_state: null, cases: [] });
  });
});

describe('an unassignment that Okta announces, but does not push', () => {
  let unpushed: Org;
  beforeAll(async () => {
    unpushed = await rig.org();
    await connectHook(unpushed);
  });
  const provisioned = async (count = 1, to = unpushed) => {
    const people = await rig.people(to, count);
    await rig.accounts.provision(people);
    for (const person of people) await rig.untilAccess(person, { enabled: true, status: 'active' });
    return people as [(typeof people)[number], ...typeof people];
  };

  it('ends access with a cause that says so, and a new assignment gives access back', async () => {
    const [person] = await provisioned();
    await rig.verb(unpushed, 'unassign', person);
    await rig.untilAccess(person, { enabled: false, status: 'inactive' });
    const { cases } = await rig.state(person);
    expect(cases).toEqual([
      {
        cause: 'okta.unassigned',
        causation_id: expect.stringMatching(/^okta-event:[0-9a-f-]{36}$/),
        state: expect.any(String),
      },
    ]);
    await rig.verb(unpushed, 'assign', person);
    await rig.untilAccess(person, { enabled: true, status: 'active' });
    expect(await rig.state(person)).toMatchObject({ desired_access: 'enabled', okta_state: null });
  });

  it.each(['after', 'before'])('makes one case together with a push that arrives %s it', async (order) => {
    const [person] = await provisioned();
    const announce = async () => {
      await rig.verb(unpushed, 'unassign', person);
      await rig.untilState(person, 'unassigned');
    };
    const push = async () => {
      await rig.directory.setActive(person, false);
      await rig.until('the push', async () => {
        const sql = 'select 1 from offboarding.person where id = $1 and not active';
        return (await rig.admin.query(sql, [person.id])).length === 1;
      });
    };
    for (const signal of order === 'after' ? [announce, push] : [push, announce]) await signal();
    await rig.untilAccess(person, { enabled: false, status: 'inactive' });
    expect((await rig.state(person)).cases).toHaveLength(1);
    await rig.verb(unpushed, 'assign', person);
    await rig.directory.setActive(person, true);
    await rig.untilAccess(person, { enabled: true, status: 'active' });
  });

  it('is confirmed by Okta first, so a forged one changes nothing', async () => {
    const person = await rig.person(unpushed);
    const forged = { type: 'application.user_membership.remove', login: person.login };
    await rig.okta('POST', `apps/${unpushed.slug}/event-hook/forge`, forged);
    await rig.checked(unpushed);
    expect(await assignmentsRead(person)).toEqual(['ok']);
    expect(await rig.state(person)).toEqual({ desired_access: 'enabled', okta_state: null, cases: [] });
  });

  it('is confirmed late if Okta is unavailable, answers 429 or 500, and nobody loses access meanwhile', async () => {
    const org = await rig.org();
    await connectHook(org);
    await rig.okta('PUT', `apps/${org.slug}/rate-limit`, { windowSeconds: 2 });
    const faults = [{ effect: 'disconnect' }, { effect: 'error' }, { effect: 'throttle' }];
    const people = await rig.people(org, faults.length);
    for (const [i, person] of people.entries())
      await rig.okta('POST', 'faults', { ...faults[i], times: 2, operation: 'getAppUser', username: person.oktaId });
    for (const person of people) {
      await rig.verb(org, 'unassign', person);
      await rig.untilState(person, 'unassigned');
    }
    await rig.checked(org);
    const outcomes = await Promise.all(people.map(assignmentsRead));
    expect(outcomes).toEqual([
      ['disconnect', 'disconnect', 'E0000007'],
      ['E0000009', 'E0000009', 'E0000007'],
      ['E0000047', 'E0000047', 'E0000007'],
    ]);
    for (const person of people)
      expect((await rig.state(person)).cases.map((c) => c.cause)).toEqual(['okta.unassigned']);
  });

  it('from another app of the org costs no request and changes nothing', async () => {
    const person = await rig.person(unpushed);
    const other = { id: `0oa${'9'.repeat(17)}`, type: 'AppInstance' };
    const user = { id: person.oktaId, type: 'User' };
    const event = { ...membershipRemoved, uuid: randomUUID(), target: [other, user] };
    await deliver(worker, unpushed, { data: { events: [event] } });
    expect(await rig.admin.query('select 1 from offboarding.okta_hint where user_id = $1', [person.oktaId])).toEqual(
      [],
    );
    await rig.checked(unpushed);
    expect(await rig.requests(person)).toEqual([]);
  });

  it('changes nothing if the connection names an app that does not exist', async () => {
    const wrong = await rig.org();
    const appId = '0oa00000000000000000';
    const person = await rig.person(wrong);
    await rig.directory.configure(wrong.tenant, { okta: { domain: 'sandbox.okta.com', appId } });
    const target = [
      { id: appId, type: 'AppInstance' },
      { id: person.oktaId, type: 'User' },
    ];
    const failing = () =>
      rig.admin.query('select 1 from offboarding.okta_check where user_id = $1 and last_error_code = $2', [
        person.oktaId,
        'not_found',
      ]);
    await rig.until('the refusal', async () => {
      const event = { ...membershipRemoved, uuid: randomUUID(), target };
      await deliver(worker, wrong, { data: { events: [event] } });
      return (await failing()).length === 1;
    });
    expect(await rig.state(person)).toEqual({ desired_access: 'enabled', okta_state: null, cases: [] });
  });

  it('ends nothing without "Deactivate on Offboard"', async () => {
    const spared = await rig.org({ deactivateOnOffboard: false });
    await connectHook(spared);
    const person = await rig.person(spared);
    await rig.verb(spared, 'unassign', person);
    await rig.checked(spared);
    expect(await assignmentsRead(person)).toEqual(['E0000007']);
    expect(await rig.state(person)).toEqual({ desired_access: 'enabled', okta_state: null, cases: [] });
  });

  it('is noticed even if the check of another hint about the person is under way', async () => {
    const [person] = await provisioned();
    const slow = { effect: 'latency', ms: 1_500, times: 1, operation: 'getUser', username: person.oktaId };
    await rig.okta('POST', 'faults', slow);
    await deliver(worker, unpushed, delivery({ user: person.oktaId }));
    await rig.until('the claim', async () => {
      const sql = 'select 1 from offboarding.okta_check where user_id = $1 and claim is not null';
      return (await rig.admin.query(sql, [person.oktaId])).length > 0;
    });
    await rig.verb(unpushed, 'unassign', person);
    await rig.untilState(person, 'unassigned');
  });

  const assignmentsRead = async (person: { oktaId: string }): Promise<string[]> => {
    const { calls } = await rig.okta<{ calls: { operation: string; subject: string | null; outcome: string }[] }>(
      'GET',
      'calls',
    );
    const isAssignment = (c: { operation: string; subject: string | null }) =>
      c.operation === 'getAppUser' && c.subject === person.oktaId;
    return calls.filter(isAssignment).map((c) => c.outcome);
  };
  const membershipRemoved = {
    uuid: '',
    published: new Date().toISOString(),
    eventType: 'application.user_membership.remove',
  };
});

describe('a hint is not a fact', () => {
  it('so a forged suspension causes a check and nothing else', async () => {
    const person = await rig.person(org);
    expect((await deliver(worker, org, delivery({ user: person.oktaId }))).status).toBe(204);
    await rig.checked(org);
    expect(await rig.requests(person)).toEqual(['ok']);
    expect(await rig.state(person)).toEqual({ desired_access: 'enabled', okta_state: null, cases: [] });
  });

  it('so an old hint that arrives late causes a check, and the current state in Okta counts', async () => {
    const person = await rig.person(org);
    await connectHook(org);
    await rig.okta('PUT', `apps/${org.slug}/event-hook/knobs`, { delayMs: 1_000 });
    await rig.verb(org, 'suspend', person);
    await rig.okta('PUT', `apps/${org.slug}/event-hook/knobs`, { delayMs: 0 });
    await rig.verb(org, 'unsuspend', person);
    await rig.until('both', async () => {
      const rows = await rig.admin.query('select 1 from offboarding.okta_hint where user_id = $1', [person.oktaId]);
      return rows.length === 2;
    });
    await rig.checked(org);
    expect(await rig.state(person)).toEqual({ desired_access: 'enabled', okta_state: null, cases: [] });
  });

  it('so a hundred hints about one person cost one check, and a hundred repetitions none', async () => {
    const person = await rig.person(org);
    await rig.verb(org, 'suspend', person);
    await rig.checked(org);
    const before = (await rig.requests(person)).length;
    const hundred = delivery(...Array.from({ length: 100 }, () => ({ user: person.oktaId })));
    await deliver(worker, org, hundred);
    await rig.checked(org);
    expect(await rig.requests(person)).toHaveLength(before + 1);
    const answers = await Promise.all(Array.from({ length: 100 }, () => deliver(worker, org, hundred)));
    expect(new Set(answers.map((a) => a.status))).toEqual(new Set([204]));
    await rig.checked(org);
    expect(await rig.requests(person)).toHaveLength(before + 1);
    expect((await rig.state(person)).cases).toHaveLength(1);
  });

  it('so a hint that arrives during a check causes another check', async () => {
    const person = await rig.person(org);
    await rig.okta('POST', 'faults', {
      effect: 'latency',
      ms: 1_500,
      times: 1,
      operation: 'getUser',
      username: person.oktaId,
    });
    const claimed = async () => {
      const sql = 'select 1 from offboarding.okta_check where user_id = $1 and claim is not null';
      return (await rig.admin.query(sql, [person.oktaId])).length > 0;
    };
    await deliver(worker, org, delivery({ user: person.oktaId }));
    await rig.until('the claim', claimed);
    await deliver(worker, org, delivery({ user: person.oktaId }));
    await rig.checked(org);
    expect(await rig.requests(person)).toEqual(['ok', 'ok']);
  });

  it('about a person of another tenant, whom it does not affect (P4)', async () => {
    const person = await rig.person(org);
    const hostile = await rig.org();
    await rig.verb(org, 'suspend', person);
    await rig.untilState(person, 'suspended');
    const victim = await rig.person(org);
    const before = await rig.requests(victim);
    // The hostile tenant's Okta has no such user. Accepted, that would look like a deletion.
    await deliver(worker, hostile, delivery({ user: victim.oktaId }, { user: person.oktaId }));
    await rig.unknownPeople(hostile, 2);
    await rig.endWaitForPeople(hostile);
    await rig.checked(hostile);
    expect(await rig.state(victim)).toEqual({ desired_access: 'enabled', okta_state: null, cases: [] });
    expect((await rig.state(person)).okta_state).toBe('suspended');
    expect(await rig.requests(victim)).toEqual(before);
    expect(await rig.metric(worker, 'okta_checks_total', { outcome: 'unknown_person' })).toBeGreaterThanOrEqual(2);
  });

  it('about an unknown person, who may be about to arrive, so its check waits', async () => {
    await rig.admin.query(
      `insert into sandbox.okta_person (id, slug, login, profile, status) values ($1, $2, 'late@example.com', '{}', 'SUSPENDED')`,
      ['00u0000000000000late', org.slug],
    );
    await deliver(worker, org, delivery({ user: '00u0000000000000late' }));
    await rig.unknownPeople(org, 1);
    const late = await rig.directory.addPerson(org.tenant, 'late', { externalId: '00u0000000000000late' });
    await rig.until('the person', async () => {
      const rows = await rig.admin.query('select 1 from offboarding.person where id = $1', [late.id]);
      return rows.length === 1;
    });
    await rig.endWaitForPeople(org);
    await rig.until('the case', async () => {
      const rows = await rig.admin.query('select 1 from offboarding.offboarding_case where account_id = $1', [late.id]);
      return rows.length === 1;
    });
    expect((await rig.state(late)).okta_state).toBe('suspended');
  });

  it('about a person who has arrived meanwhile, so its check no longer waits', async () => {
    const id = '00u000000000000early';
    await rig.admin.query(
      `insert into sandbox.okta_person (id, slug, login, profile, status) values ($1, $2, 'early@example.com', '{}', 'ACTIVE')`,
      [id, org.slug],
    );
    await deliver(worker, org, delivery({ user: id }));
    await rig.until('the check waits', async () => {
      const rows = await rig.admin.query(
        'select 1 from offboarding.okta_check where user_id = $1 and claim is null and attempts > 0',
        [id],
      );
      return rows.length === 1;
    });
    // Only the second hint can make it due.
    await rig.admin.query(`update offboarding.okta_check set due_at = due_at + interval '1 day' where user_id = $1`, [
      id,
    ]);
    const early = await rig.directory.addPerson(org.tenant, 'early', { externalId: id });
    await rig.until('the person', async () => {
      const rows = await rig.admin.query('select 1 from offboarding.person where id = $1', [early.id]);
      return rows.length === 1;
    });
    await rig.admin.query(`update sandbox.okta_person set status = 'SUSPENDED' where id = $1`, [id]);
    const [now] = await rig.admin.query<{ at: string }>('select clock_timestamp()::text as at');
    await deliver(worker, org, delivery({ user: id }));
    await rig.checked(org);
    // The first hint is older than the suspension, so the evidence must not name it as the signal.
    const [signal] = await rig.admin.query(
      `select c.causation_id = 'okta-event:' || h.event_id as "named", c.pushed_at >= $3 as "timed"
         from offboarding.offboarding_case c, (select event_id from offboarding.okta_hint where user_id = $2 order by received_at desc limit 1) h
        where c.account_id = $1`,
      [early.id, id, now?.at],
    );
    expect(signal).toEqual({ named: true, timed: true });
  });
});

describe('more deliveries than a tenant may send', () => {
  it('are answered so that Okta repeats them, and other tenants are not affected', async () => {
    const loud = await rig.org();
    const other = await rig.org();
    const body = delivery({ user: '00u00000000000000001' });
    const answers: Awaited<ReturnType<typeof deliver>>[] = [];
    const limited = () => answers.filter((a) => a.status === 503);
    // Twenty a second are always accepted, so even a slow machine has to send more.
    while (limited().length === 0 && answers.length < 5_000)
      answers.push(...(await Promise.all(Array.from({ length: 100 }, () => deliver(worker, loud, body)))));
    expect(answers.filter((a) => a.status === 204).length).toBeGreaterThanOrEqual(100);
    expect(limited()[0]?.headers.get('retry-after')).toBe('5');
    expect((await deliver(worker, other, { id: randomUUID() })).status).toBe(204);
    expect(await rig.metric(worker, 'okta_hook_total', { outcome: 'limited' })).toBe(limited().length);
  });
});

describe('a held case', () => {
  it('is released when Okta, which is asked at once, confirms the deactivation, and stays held when Okta does not', async () => {
    const braked = await rig.org({ brake: { percent: 0, atLeast: 1, windowMinutes: 10, holdHours: 24 } });
    const [first, unassigned, dismissed] = await rig.people(braked, 3);
    if (!first || !unassigned || !dismissed) throw new Error('people are missing');
    await rig.accounts.provision([first, unassigned, dismissed]);
    for (const person of [first, unassigned, dismissed])
      await rig.untilAccess(person, { enabled: true, status: 'active' });
    const lastCase = async (person: OrgPerson) => (await rig.state(person)).cases.at(-1)?.state;
    await rig.directory.setActive(first, false);
    await rig.untilAccess(first, { enabled: false, status: 'inactive' });
    await rig.directory.setActive(unassigned, false);
    await rig.until('an answer of Okta', async () => (await rig.requests(unassigned)).length > 0);
    await rig.checked(braked);
    expect(await lastCase(unassigned)).toBe('held');
    // SCIM and the event hook say nothing more: the worker itself asks Okta.
    await rig.verb(braked, 'deactivate', dismissed);
    await rig.directory.setActive(dismissed, false);
    await rig.untilAccess(dismissed, { enabled: false, status: 'inactive' });
    const released = await rig.admin.query(
      `select 1 from offboarding.offboarding_case where account_id = $1 and released_by = 'okta'`,
      [dismissed.id],
    );
    expect(released).toHaveLength(1);
    expect(await lastCase(unassigned)).toBe('held');
  });
});
