/** Access ends and begins again: what the worker publishes, what it does in Cognito, and in which order. */
import { randomUUID } from 'node:crypto';
import { eventually, Rig } from './rig.js';
import type { Person, Tenant } from '../support/identity-directory.js';

describe('offboarding', () => {
  let rig: Rig;
  let tenant: Tenant;
  beforeAll(async () => {
    rig = await Rig.start();
    await rig.startWorker();
    tenant = await rig.addTenant();
  });
  afterEach(() => rig.cognito.noFaults());
  afterAll(() => rig.close());

  const operations = async (person: Person): Promise<string[]> =>
    (await rig.cognito.calls(`subject=${person.id}`)).map((call) => call.operation);
  const statuses = async (person: Person): Promise<string[]> => (await rig.access(person)).map((a) => a.status);

  it('publishes access of every new person, and roles once they are known', async () => {
    const ada = await rig.addPerson(tenant, ['itsm_agent', 'viewer']);
    expect(await rig.access(ada)).toEqual([
      { account: ada.id, status: 'active', roles: [], notBefore: null },
      { account: ada.id, status: 'active', roles: ['itsm_agent', 'viewer'], notBefore: null },
    ]);
    expect(await operations(ada)).toEqual([]);
  });

  it('does the steps of a case in order and keeps their instants', async () => {
    const bea = await rig.addPerson(tenant);
    await rig.directory.setActive(bea, false);
    await rig.quiet();
    expect(await operations(bea)).toEqual(['AdminDisableUser', 'AdminUserGlobalSignOut', 'AdminGetUser']);
    expect(await rig.access(bea)).toMatchObject([{}, {}, { status: 'inactive', roles: [] }]);
    expect(await rig.caseEvents(bea)).toEqual(['opened', 'completed']);
    const [only, ...others] = await rig.cases(bea);
    expect(others).toEqual([]);
    expect(only).toMatchObject({ state: 'completed', cause: 'user.deactivated' });
    const instants = (['fenced_at', 'disabled_at', 'signed_out_at', 'confirmed_at'] as const).map(
      (at) => only?.[at]?.getTime() ?? NaN,
    );
    expect(instants).toEqual([...instants].sort((a, b) => a - b));
    expect(only?.sessions_ended_at).toBeInstanceOf(Date);
    expect((await rig.access(bea)).at(-1)?.notBefore).toBe(only?.fenced_at?.toISOString());
    await rig.expectAgreement([bea]);
  });

  it('never moves the fence back, also when access ends right after it was given back', async () => {
    const eve = await rig.addPerson(tenant);
    // Giving access back sets the fence to Cognito's next whole second.
    const fence = new Date(Date.now() + 600_000).toISOString();
    await rig.admin.query('update offboarding.person set not_before = $2 where id = $1', [eve.id, fence]);
    await rig.directory.setActive(eve, false);
    await rig.quiet();
    expect((await rig.access(eve)).at(-1)).toMatchObject({ status: 'inactive', notBefore: fence });
  });

  it('publishes a completed case with all of its data', async () => {
    const person = await rig.addPerson(tenant);
    await rig.directory.setActive(person, false);
    await rig.quiet();
    const [row] = await rig.admin.query<{
      data: { case: { timings: Record<string, string | null>; userName: string } };
    }>(
      `select data from bus.event_log where topic = 'offboarding.cases' and subject = $1 and type like '%completed%'`,
      [person.id],
    );
    const { heldAt, heldSignedOutAt, heldSessionsEndedAt, releasedAt, firstRefusedAt, ...closed } =
      row?.data.case.timings ?? {};
    const held = [heldAt, heldSignedOutAt, heldSessionsEndedAt, releasedAt];
    expect([...held, firstRefusedAt]).toEqual([null, null, null, null, null]);
    expect(Object.values(closed).every((at) => typeof at === 'string')).toBe(true);
    expect(row?.data.case.userName).toBe(person.userName);
  });

  it('publishes access again only after Cognito has enabled the user, with the roles', async () => {
    const cy = await rig.addPerson(tenant, ['viewer']);
    await rig.directory.setActive(cy, false);
    await rig.quiet();
    await rig.accounts.publish([cy], 'roles-changed', []);
    await rig.cognito.fault({ effect: 'latency', operation: 'AdminEnableUser', username: cy.id, ms: 300, times: 1 });
    await rig.directory.setActive(cy, true);
    await eventually(async () => expect(await operations(cy)).toContain('AdminEnableUser'), 60_000);
    await rig.quiet();
    await rig.accounts.publish([cy], 'roles-changed', ['viewer']);
    await rig.quiet();
    const said = await rig.access(cy);
    expect(said.map((a) => a.status)).toEqual(['active', 'active', 'inactive', 'active', 'active']);
    expect(said.at(-1)).toMatchObject({ roles: ['viewer'] });
    expect(said.at(-1)?.notBefore).toBe(said.at(-2)?.notBefore);
    const [enabled] = (await rig.cognito.calls(`subject=${cy.id}&operation=AdminEnableUser`)).slice(-1);
    const [lifted] = await rig.admin.query<{ at: number }>(
      `select extract(epoch from created_at)::float8 * 1000 as at from (select min(published_at) as created_at from bus.event_log where topic = 'identity.access' and subject = $1 and sequence = 4) l`,
      [cy.id],
    );
    expect(lifted?.at).toBeGreaterThanOrEqual(enabled?.at ?? Number.POSITIVE_INFINITY);
    await rig.expectAgreement([cy]);
  });

  it('ends access by a removal whatever the setting, finally, and also after a deactivation', async () => {
    const keeps = await rig.addTenant({ deactivateOnOffboard: false });
    const dee = await rig.addPerson(keeps);
    await rig.directory.setActive(dee, false);
    await rig.quiet();
    expect(await statuses(dee)).toEqual(['active', 'active']);
    await rig.directory.remove(dee);
    await rig.quiet();
    expect(await statuses(dee)).toEqual(['active', 'active', 'removed']);
    const eve = await rig.addPerson(tenant);
    await rig.directory.setActive(eve, false);
    await rig.directory.remove(eve);
    await rig.quiet();
    expect((await statuses(eve)).at(-1)).toBe('removed');
    expect(await rig.cases(eve)).toHaveLength(1);
    await rig.expectAgreement([dee, eve]);
    // A removed person stays removed, even if the directory publishes something about them later (P3).
    await rig.directory.setActive(eve, true);
    await rig.quiet();
    expect((await statuses(eve)).at(-1)).toBe('removed');
  });

  it('disables the user of a person who never was active as soon as it exists, without a case', async () => {
    const fay = await rig.directory.addPerson(tenant, 'fay', { active: false });
    await rig.quiet();
    expect(await statuses(fay)).toEqual(['inactive']);
    expect(await operations(fay)).toEqual([]);
    await rig.accounts.provision([fay], []);
    await rig.quiet();
    expect((await rig.cognito.user(fay.id))?.enabled).toBe(false);
    expect(await rig.cases(fay)).toEqual([]);
  });

  it('completes a case without a Cognito user, and disables the user as soon as it is created', async () => {
    const gus = await rig.directory.addPerson(tenant, 'gus');
    await rig.quiet();
    await rig.directory.setActive(gus, false);
    await rig.quiet();
    expect(await rig.cases(gus)).toMatchObject([{ state: 'completed', disabled_at: null, signed_out_at: null }]);
    await rig.accounts.provision([gus]);
    await rig.quiet();
    expect((await rig.cognito.user(gus.id))?.enabled).toBe(false);
    expect(await operations(gus)).toEqual(expect.arrayContaining(['AdminUserGlobalSignOut']));
    await rig.expectAgreement([gus]);
  });

  it('accepts the event of an account before the event of its person', async () => {
    const person = { ...(await rig.directory.addPerson(tenant, 'unheard')), id: randomUUID() };
    await rig.accounts.provision([person], ['viewer']);
    await rig.quiet();
    expect(await rig.access(person)).toEqual([]);
  });

  it('ends in the last state after many deactivations and reactivations within milliseconds', async () => {
    const people = await rig.addPeople(tenant, 20);
    for (let round = 0; round < 6; round++)
      await Promise.all(people.map((person, i) => rig.directory.setActive(person, (round + i) % 2 === 0)));
    await rig.quiet();
    await rig.expectAgreement(people);
    for (const person of people)
      expect((await rig.cases(person)).every((c) => ['completed', 'superseded', 'discarded'].includes(c.state))).toBe(
        true,
      );
  });

  it('ignores repeated and reordered events', async () => {
    const hal = await rig.addPerson(tenant);
    await rig.directory.setActive(hal, false);
    await rig.directory.setActive(hal, true);
    await rig.directory.setActive(hal, false);
    await rig.quiet();
    const before = await rig.access(hal);
    // The inbox is empty, as after a restore: only the version in the row can refuse old events.
    await rig.admin.query(`delete from offboarding.inbox where key = $1`, [`${tenant.id}:${hal.id}`]);
    const older = `subject = '${hal.id}' and (topic = 'identity.accounts' or topic = 'directory.access' and sequence <= 3)`;
    expect(await rig.directory.republish(rig.admin, older)).toBe(4);
    await rig.quiet();
    expect(await rig.access(hal)).toEqual(before);
    await rig.expectAgreement([hal]);
  });

  it('keeps a case running while its fence is not published, because nobody refuses the tokens yet', async () => {
    const jon = await rig.addPerson(tenant);
    // The outbox cannot be emptied, so nothing is published; a fence can still be written to it.
    const client = await rig.admin.pool.connect();
    try {
      await client.query(
        `create function pg_temp.refuse() returns trigger language plpgsql as $$ begin raise exception 'not now'; end $$`,
      );
      await client.query('create trigger refuse before delete on offboarding.outbox execute function pg_temp.refuse()');
      await rig.directory.setActive(jon, false);
      await eventually(async () => expect((await rig.cases(jon)).at(-1)?.signed_out_at).toBeInstanceOf(Date), 60_000);
      await eventually(
        async () => expect((await operations(jon)).filter((o) => o === 'AdminGetUser').length).toBeGreaterThan(2),
        60_000,
      );
      expect((await rig.cases(jon)).at(-1)).toMatchObject({ state: 'running', sessions_ended_at: null });
    } finally {
      await client.query('drop trigger refuse on offboarding.outbox');
      client.release();
    }
    await rig.quiet();
    expect((await rig.cases(jon)).at(-1)).toMatchObject({ state: 'completed' });
  });

  it("refuses another tenant's event about a person", async () => {
    const other = await rig.addTenant();
    const ida = await rig.addPerson(tenant);
    const thief = { ...ida, tenant: other.id, version: 50, active: true };
    await rig.directory.setActive(thief, false);
    await eventually(async () => {
      const parked = await rig.admin.query(`select 1 from offboarding.parked_event where key = $1 and state = 'dead'`, [
        `${other.id}:${ida.id}`,
      ]);
      expect(parked).toHaveLength(1);
    }, 60_000);
    await rig.admin.query('delete from offboarding.parked_event');
    expect((await rig.access(ida)).at(-1)?.status).toBe('active');
  });
});
