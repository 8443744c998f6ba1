/** Erasure of deleted people in identity-service and Cognito: the attributes go, the ids stay, and nobody is revived. */
import { Eraser } from '#worker';
import type { Person, Tenant } from '../support/identity-directory.js';
import { IdentityRig } from '../support/identity.js';

describe('a person who was deleted', () => {
  let rig: IdentityRig;
  let tenant: Tenant;
  beforeAll(async () => {
    rig = await IdentityRig.start();
    await rig.startService();
    tenant = await rig.addTenant();
  });
  afterEach(() => rig.cognito.noFaults());
  afterAll(() => rig.close());

  /** Everything that the schema says about the person, as text. */
  const traces = async ({ id }: Person): Promise<string> => {
    const rows = await rig.admin.query(
      `select to_jsonb(u) - 'id' as u, to_jsonb(a) - 'id' as a, (select jsonb_agg(c) from identity.offboarding_case c where c.account_id = u.id) as cases,
              (select jsonb_agg(s) from identity.skipped_event s where s.key = u.tenant || ':' || u.id) as skipped
         from identity.directory_user u join identity.account a on a.id = u.id where u.id = $1`,
      [id],
    );
    return JSON.stringify(rows);
  };
  const erase = async (): Promise<void> => {
    // The second round erases the accounts that the reconciler was working on because of the first.
    for (let round = 0; round < 2; round++) {
      await rig.app?.get(Eraser).round();
      await rig.quiet();
    }
  };
  const age = (person: Person, days: number) =>
    rig.admin.query('update identity.account set updated_at = updated_at - make_interval(days => $2) where id = $1', [
      person.id,
      days,
    ]);
  const removed = async (name: string): Promise<Person> => {
    const person = await rig.directory.addPerson(tenant, name, { displayName: `${name} the Person` });
    await rig.quiet();
    await rig.directory.remove(person);
    await rig.quiet();
    return person;
  };
  const names = (person: Person) => new RegExp([person.userName, person.email, person.externalId, 'Person'].join('|'));

  it('has no attributes left in the account and in Cognito once the removal is announced', async () => {
    const ada = await removed('ada');
    await erase();
    const [row] = await rig.admin.query<{ account: object; person: object }>(
      `select to_jsonb(a) as account, to_jsonb(u) as person from identity.account a join identity.directory_user u on u.id = a.id where a.id = $1`,
      [ada.id],
    );
    expect(JSON.stringify(row)).not.toMatch(names(ada));
    const user = await rig.cognito.user(ada.id);
    expect(user).toBeDefined();
    expect(JSON.stringify(user?.attributes)).not.toMatch(names(ada));
    expect(user?.attributes['custom:tenant_id']).toBe(tenant.id);
  });

  it('keeps the attributes while the removal is not announced yet', async () => {
    const bea = await rig.directory.addPerson(tenant, 'bea');
    await rig.quiet();
    await rig.worker.beginClosing(bea, ['user.deleted', 'req'], 'removed');
    await rig.admin.query('update identity.directory_user set deleted = true where id = $1', [bea.id]);
    await rig.quiet();
    await erase();
    expect(await traces(bea)).toMatch(names(bea));
  });

  it('is deleted in Cognito and leaves nothing but ids after ERASE_AFTER_DAYS', async () => {
    const cid = await removed('cid');
    await age(cid, 29);
    await erase();
    expect(await rig.cognito.user(cid.id)).toBeDefined();
    expect(await traces(cid)).toMatch(names(cid)); // the evidence that the case events carried
    await age(cid, 2);
    await rig.cognito.fault({
      effect: 'error',
      error: 'InternalErrorException',
      operation: 'AdminDeleteUser',
      times: 2,
    });
    await erase();
    expect(await rig.cognito.user(cid.id)).toBeUndefined();
    expect(await traces(cid)).not.toMatch(names(cid));
    const [account] = await rig.admin.query('select status, erased_at from identity.account where id = $1', [cid.id]);
    expect(account).toEqual({ status: 'removed', erased_at: expect.any(Date) });
  });

  it('is not revived by late events, or by a comparison with the user pool (P3)', async () => {
    const dan = await removed('dan');
    await age(dan, 31);
    await erase();
    await rig.admin.query('delete from identity.inbox where key = $1', [`${tenant.id}:${dan.id}`]);
    expect(await rig.directory.republish(rig.admin, 'subject = $1', [dan.id])).toBeGreaterThan(2);
    await rig.quiet();
    expect((await rig.http('POST', '/internal/pool-comparison')).status).toBe(202);
    await rig.quiet();
    expect(await traces(dan)).not.toMatch(names(dan));
    expect(await rig.cognito.user(dan.id)).toBeUndefined();
  });

  it('of one tenant does not wait for the many of another tenant', async () => {
    const other = await rig.addTenant();
    const many = await rig.directory.addPeople(tenant, 250);
    await rig.quiet();
    await rig.admin.query(
      `update identity.account set status = 'removed', announced_status = 'removed' where tenant = any($1)`,
      [[tenant.id]],
    );
    await rig.admin.query('update identity.directory_user set deleted = true where tenant = $1', [tenant.id]);
    const person = await rig.directory.addPerson(other, 'eve');
    await rig.quiet();
    await rig.directory.remove(person);
    await rig.quiet();
    expect(await rig.app?.get(Eraser).round()).toBe(true);
    const left = async (people: readonly Person[]) => {
      const sql = `select count(*)::int as people from identity.account where id = any($1) and user_name <> ''`;
      const [row] = await rig.admin.query<{ people: number }>(sql, [people.map(({ id }) => id)]);
      return row?.people;
    };
    expect(await left([person])).toBe(0);
    expect(await left(many)).toBeGreaterThanOrEqual(50);
  });
});
