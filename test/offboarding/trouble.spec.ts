/** Cognito under trouble, processes that die or hang: doors close all the same, and none opens again by accident. */
import { jest } from '@jest/globals';
import type { Person, Tenant } from '../support/identity-directory.js';
import { eventually, Rig, type Worker } from './rig.js';

const PATIENCE_MS = 60_000;

jest.setTimeout(2 * PATIENCE_MS);

describe('a door under trouble', () => {
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
    (await rig.cognito.calls(`subject=${person.id}`)).map((call) => `${call.operation} ${call.outcome}`);
  const enabled = async (person: Person): Promise<boolean | undefined> => (await rig.cognito.user(person.id))?.enabled;
  const lastError = async (person: Person): Promise<string | null | undefined> =>
    (
      await rig.admin.query<{ class: string | null }>('select last_error_class as class from person where id = $1', [
        person.id,
      ])
    )[0]?.class;
  const gauge = async (worker: Worker, name: string): Promise<number | undefined> =>
    (await worker.metrics.registry.getSingleMetric(name)?.get())?.values[0]?.value;

  it('throttling delays and is no failure', async () => {
    const ada = await rig.addPerson(tenant);
    await rig.cognito.fault({ effect: 'throttle', username: ada.id, times: 4 });
    await rig.directory.setActive(ada, false);
    await rig.quiet();
    expect((await operations(ada)).filter((o) => o.endsWith('TooManyRequestsException'))).toHaveLength(4);
    expect(await rig.cases(ada)).toMatchObject([{ state: 'completed' }]);
    await rig.expectAgreement([ada]);
  });

  it.each(['AdminDisableUser', 'AdminUserGlobalSignOut', 'AdminGetUser', 'AdminEnableUser'])(
    'goes on where the answer of %s was lost',
    async (operation) => {
      const bea = await rig.addPerson(tenant);
      await rig.cognito.fault({ effect: 'drop', operation, username: bea.id, times: 1 });
      await rig.directory.setActive(bea, false);
      await rig.quietOnceLanded();
      expect(await enabled(bea)).toBe(false);
      expect(await rig.cases(bea)).toMatchObject([{ state: 'completed' }]);
      await rig.directory.setActive(bea, true);
      await rig.quietOnceLanded();
      await rig.expectAgreement([bea]);
    },
  );

  it('while Cognito is away the fence stands; when it is back everybody is closed at once', async () => {
    const people = await rig.addPeople(tenant, 12);
    await rig.cognito.fault({ effect: 'disconnect' });
    await Promise.all(people.map((person) => rig.directory.setActive(person, false)));
    await eventually(async () => {
      for (const person of people) expect((await rig.access(person)).at(-1)?.status).toBe('inactive');
      const [row] = await rig.admin.query<{ least: number }>(
        'select min(attempts) as least from person where id = any($1)',
        [people.map((person) => person.id)],
      );
      expect(row?.least).toBeGreaterThan(1);
    }, PATIENCE_MS);
    expect((await rig.cases(people[0] as Person)).map((c) => c.state)).toEqual(['running']);
    // Nobody would be tried again before an hour has passed, if the first success did not tell.
    await rig.admin.query(
      `update person set due_at = clock_timestamp() + interval '1 hour' where id = any($1) and id <> $2 and lease_owner is null`,
      [people.map((person) => person.id), people[0]?.id],
    );
    await rig.cognito.noFaults();
    await rig.admin.query('update person set due_at = clock_timestamp() where id = $1', [people[0]?.id]);
    await eventually(async () => {
      for (const person of people) expect((await rig.cases(person)).at(-1)?.state).toBe('completed');
    }, PATIENCE_MS);
    await rig.expectAgreement(people);
  });

  it('what Cognito refuses stays visible and raises the alarm; the next wish tries at once', async () => {
    const cy = await rig.addPerson(tenant);
    await rig.cognito.fault({
      effect: 'error',
      error: 'InvalidParameterException',
      operation: 'AdminDisableUser',
      username: cy.id,
    });
    await rig.directory.setActive(cy, false);
    await eventually(async () => expect(await lastError(cy)).toBe('permanent'), PATIENCE_MS);
    expect(await gauge(rig.worker, 'offboarding_stuck_cases')).toBe(1);
    expect((await rig.access(cy)).at(-1)?.status).toBe('inactive');
    await rig.cognito.noFaults();
    await rig.directory.setActive(cy, true);
    await rig.quiet();
    expect(await gauge(rig.worker, 'offboarding_stuck_cases')).toBe(0);
    expect(await rig.cases(cy)).toMatchObject([{ state: 'superseded' }]);
    await rig.expectAgreement([cy]);
  });

  it('signs out before it enables, when the sign-out of the closing was not done', async () => {
    const dee = await rig.addPerson(tenant);
    await rig.cognito.fault({
      effect: 'error',
      error: 'InvalidParameterException',
      operation: 'AdminUserGlobalSignOut',
      username: dee.id,
    });
    await rig.directory.setActive(dee, false);
    await eventually(async () => expect(await lastError(dee)).toBe('permanent'), PATIENCE_MS);
    await rig.directory.setActive(dee, true);
    await eventually(
      async () => expect((await operations(dee)).filter((o) => o.startsWith('AdminUserGlobalSignOut'))).toHaveLength(2),
      PATIENCE_MS,
    );
    expect(await enabled(dee)).toBe(false);
    expect((await rig.access(dee)).at(-1)?.status).toBe('inactive');
    await rig.cognito.noFaults();
    await rig.admin.query('update person set due_at = clock_timestamp() where id = $1', [dee.id]);
    await rig.quiet();
    expect((await operations(dee)).slice(-2)).toEqual(['AdminUserGlobalSignOut ok', 'AdminEnableUser ok']);
    await rig.expectAgreement([dee]);
  });

  it('somebody who is enabled by hand while he is being closed is closed again before the case ends', async () => {
    const eli = await rig.addPerson(tenant);
    await rig.cognito.fault({ effect: 'latency', operation: 'AdminGetUser', username: eli.id, ms: 700, times: 1 });
    await rig.directory.setActive(eli, false);
    await eventually(
      async () => expect((await rig.cases(eli)).at(-1)?.signed_out_at).toBeInstanceOf(Date),
      PATIENCE_MS,
    );
    await rig.cognito.byHand('AdminEnableUser', { Username: eli.id });
    await rig.quiet();
    await rig.expectAgreement([eli]);
  });

  it('somebody whose user vanished is nothing to close', async () => {
    const fay = await rig.addPerson(tenant);
    await rig.cognito.byHand('AdminDeleteUser', { Username: fay.id });
    await rig.directory.setActive(fay, false);
    await rig.quiet();
    expect(await rig.cases(fay)).toMatchObject([{ state: 'completed', disabled_at: null }]);
    await rig.directory.setActive(fay, true);
    await rig.quiet();
    expect((await rig.access(fay)).at(-1)?.status).toBe('active');
  });

  describe('after a process was killed', () => {
    /** As it leaves a person: under the lease of somebody who gives no sign of life, with what it recorded last. */
    const orphan = async (person: Person, change: string): Promise<void> => {
      await rig.admin.query(`update person set lease_owner = $2, due_at = clock_timestamp(), ${change} where id = $1`, [
        person.id,
        rig.deadWorker,
      ]);
    };
    /** A person whose closing nobody has begun to carry out. */
    const fenced = async (): Promise<Person> => {
      const person = await rig.addPerson(tenant);
      await rig.cognito.fault({ effect: 'error', error: 'InvalidParameterException', username: person.id });
      await rig.directory.setActive(person, false);
      await eventually(async () => expect(await lastError(person)).toBe('permanent'), PATIENCE_MS);
      await rig.cognito.noFaults();
      await rig.cognito.forgetCalls();
      return person;
    };
    const finished = async (person: Person): Promise<void> => {
      await rig.quietOnceLanded();
      expect(await rig.cases(person)).toMatchObject([{ state: 'completed' }]);
      await rig.expectAgreement([person]);
    };

    it('before its first call', async () => {
      const person = await fenced();
      await orphan(person, `actual_access = null`);
      await finished(person);
    });

    it('between disabling and its record', async () => {
      const person = await fenced();
      await rig.cognito.byHand('AdminDisableUser', { Username: person.id });
      await orphan(person, `actual_access = 'enabled'`);
      await finished(person);
    });

    it('between the record of disabling and the sign-out', async () => {
      const person = await fenced();
      await rig.cognito.byHand('AdminDisableUser', { Username: person.id });
      await orphan(person, `actual_access = 'disabled'`);
      await finished(person);
      expect(await operations(person)).toContain('AdminUserGlobalSignOut ok');
    });

    it('between the sign-out and the confirmation', async () => {
      const person = await fenced();
      await rig.cognito.byHand('AdminDisableUser', { Username: person.id });
      await orphan(person, `actual_access = 'disabled', sign_out_due = false`);
      await finished(person);
    });

    it('with a record that is not true: nothing that a dead process knew is believed', async () => {
      const person = await fenced();
      await orphan(person, `actual_access = 'disabled', sign_out_due = false`);
      await finished(person);
      expect(await operations(person)).toContain('AdminDisableUser ok');
    });

    it('a call that it had sent and that lands late does not open the door', async () => {
      const person = await fenced();
      await orphan(person, `actual_access = null`);
      await eventually(async () => expect(await operations(person)).toContain('AdminGetUser ok'), PATIENCE_MS);
      await rig.cognito.byHand('AdminEnableUser', { Username: person.id });
      await finished(person);
    });

    it('nor does one lock out whoever is back', async () => {
      const person = await fenced();
      await rig.cognito.byHand('AdminDisableUser', { Username: person.id });
      await rig.admin.query(`update person set lease_owner = $2 where id = $1`, [person.id, rig.deadWorker]);
      await rig.directory.setActive(person, true);
      await eventually(async () => expect((await rig.access(person)).at(-1)?.status).toBe('active'), PATIENCE_MS);
      await rig.cognito.byHand('AdminDisableUser', { Username: person.id });
      await rig.quietOnceLanded();
      await rig.expectAgreement([person]);
    });

    it('between enabling and lifting the fence: closed again or opened, as is wanted now', async () => {
      const [back, gone] = [await fenced(), await fenced()];
      for (const person of [back, gone]) {
        await rig.cognito.byHand('AdminDisableUser', { Username: person.id });
        await rig.cognito.byHand('AdminEnableUser', { Username: person.id });
        await rig.admin.query(
          `update person set lease_owner = $2, actual_access = 'disabled', sign_out_due = false where id = $1`,
          [person.id, rig.deadWorker],
        );
        await rig.directory.setActive(person, true);
        await rig.handled();
      }
      await rig.directory.setActive(gone, false);
      await rig.quietOnceLanded();
      await rig.expectAgreement([back, gone]);
      expect((await rig.cases(gone)).at(-1)?.state).toBe('completed');
    });
  });

  it('a late call of a process that lost its lease does not open a door', async () => {
    const ida = await rig.addPerson(tenant);
    await rig.directory.setActive(ida, false);
    await rig.quiet();
    // The first worker's enabling hangs; it is taken over, the person goes again, and only then the call lands.
    await rig.cognito.fault({ effect: 'latency', operation: 'AdminEnableUser', username: ida.id, ms: 4_000, times: 1 });
    await rig.directory.setActive(ida, true);
    const owner = async () =>
      (
        await rig.admin.query<{ lease_owner: string | null }>('select lease_owner from person where id = $1', [ida.id])
      )[0]?.lease_owner;
    await eventually(async () => expect(await owner()).not.toBeNull(), PATIENCE_MS);
    const first = await owner();
    await rig.directory.setActive(ida, false);
    await rig.handled();
    const second = await rig.startWorker();
    await eventually(async () => {
      await rig.admin.query('delete from worker where id = $1', [first]);
      expect(await owner()).not.toBe(first);
    }, PATIENCE_MS);
    await eventually(async () => expect(await operations(ida)).toContain('AdminEnableUser ok'), PATIENCE_MS);
    await rig.quiet();
    expect(await enabled(ida)).toBe(false);
    await rig.expectAgreement([ida]);
    await second.stop();
  });

  it('two workers share the work; one that stops leaves nothing behind', async () => {
    const second = await rig.startWorker();
    const people = await rig.addPeople(tenant, 40);
    await Promise.all(people.map((person) => rig.directory.setActive(person, false)));
    await second.stop();
    await rig.quiet();
    await rig.expectAgreement(people);
    for (const person of people) expect(await rig.cases(person)).toMatchObject([{ state: 'completed' }]);
  });
});
