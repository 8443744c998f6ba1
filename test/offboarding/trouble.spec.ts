/** Faults of Cognito, and processes that die or hang: access still ends, and never comes back by accident. */
import { jest } from '@jest/globals';
import type { Person, Tenant } from '../support/identity-directory.js';
import { eventually, Rig, type Worker } from './rig.js';

const PATIENCE_MS = 60_000;

jest.setTimeout(2 * PATIENCE_MS);

describe('access in Cognito under faults', () => {
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

  it('is only delayed by throttling, which is no failure', async () => {
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

  it('is fenced while Cognito is unavailable, and disabled for everybody at once when Cognito is back', async () => {
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
    // Without the first success nobody would be tried again within an hour.
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

  it('shows a permanent refusal of Cognito and raises the alarm, and is tried at once after the next change', async () => {
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

  it('is enabled only after the sign-out that the case did not do', async () => {
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

  it('is disabled again before the case ends, if somebody enabled the user by hand', async () => {
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

  it('needs no step if the user has vanished from Cognito', async () => {
    const fay = await rig.addPerson(tenant);
    await rig.cognito.byHand('AdminDeleteUser', { Username: fay.id });
    await rig.directory.setActive(fay, false);
    await rig.quiet();
    expect(await rig.cases(fay)).toMatchObject([{ state: 'completed', disabled_at: null }]);
    await rig.directory.setActive(fay, true);
    await rig.quiet();
    expect((await rig.access(fay)).at(-1)?.status).toBe('active');
  });

  describe('after the death of a process', () => {
    /** A person as the dead process leaves them: under its lease, with the state that it recorded last. */
    const orphan = async (person: Person, change: string): Promise<void> => {
      await rig.admin.query(`update person set lease_owner = $2, due_at = clock_timestamp(), ${change} where id = $1`, [
        person.id,
        rig.deadWorker,
      ]);
    };
    /** A person whose case is running, but without any step in Cognito. */
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

    it('continues if the process died before its first call', async () => {
      const person = await fenced();
      await orphan(person, `actual_access = null`);
      await finished(person);
    });

    it('continues if the process died between disabling and recording it', async () => {
      const person = await fenced();
      await rig.cognito.byHand('AdminDisableUser', { Username: person.id });
      await orphan(person, `actual_access = 'enabled'`);
      await finished(person);
    });

    it('continues if the process died between disabling and the sign-out', async () => {
      const person = await fenced();
      await rig.cognito.byHand('AdminDisableUser', { Username: person.id });
      await orphan(person, `actual_access = 'disabled'`);
      await finished(person);
      expect(await operations(person)).toContain('AdminUserGlobalSignOut ok');
    });

    it('continues if the process died between the sign-out and the confirmation', async () => {
      const person = await fenced();
      await rig.cognito.byHand('AdminDisableUser', { Username: person.id });
      await orphan(person, `actual_access = 'disabled', sign_out_due = false`);
      await finished(person);
    });

    it('reads the state from Cognito, because the record of a dead process may be wrong', async () => {
      const person = await fenced();
      await orphan(person, `actual_access = 'disabled', sign_out_due = false`);
      await finished(person);
      expect(await operations(person)).toContain('AdminDisableUser ok');
    });

    it('stays disabled although a late call of the dead process takes effect', async () => {
      const person = await fenced();
      await orphan(person, `actual_access = null`);
      await eventually(async () => expect(await operations(person)).toContain('AdminGetUser ok'), PATIENCE_MS);
      await rig.cognito.byHand('AdminEnableUser', { Username: person.id });
      await finished(person);
    });

    it('stays enabled although a late call of the dead process takes effect', async () => {
      const person = await fenced();
      await rig.cognito.byHand('AdminDisableUser', { Username: person.id });
      await rig.admin.query(`update person set lease_owner = $2 where id = $1`, [person.id, rig.deadWorker]);
      await rig.directory.setActive(person, true);
      await eventually(async () => expect((await rig.access(person)).at(-1)?.status).toBe('active'), PATIENCE_MS);
      await rig.cognito.byHand('AdminDisableUser', { Username: person.id });
      await rig.quietOnceLanded();
      await rig.expectAgreement([person]);
    });

    it('reaches the desired access if the process died between enabling and lifting the fence', async () => {
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

  it('stays disabled although a late call of a process that lost its lease takes effect', async () => {
    const ida = await rig.addPerson(tenant);
    await rig.directory.setActive(ida, false);
    await rig.quiet();
    // The call of the first worker hangs. Another takes over, access ends again, and only then the call takes effect.
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

  it('is changed by two workers that share the work, and no work is lost when one stops', async () => {
    const second = await rig.startWorker();
    const people = await rig.addPeople(tenant, 40);
    await Promise.all(people.map((person) => rig.directory.setActive(person, false)));
    await second.stop();
    await rig.quiet();
    await rig.expectAgreement(people);
    for (const person of people) expect(await rig.cases(person)).toMatchObject([{ state: 'completed' }]);
  });
});
