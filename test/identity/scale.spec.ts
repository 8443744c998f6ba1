/** A mapping that affects ten thousand people: one transaction, few statements, complete grants and events. */
import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import { Client } from 'pg';
import type { Brake } from '#events';
import { DEFAULT_BRAKE, defaultSettings } from '#settings';
import { envelope, HandlerRig } from './handlers.js';

const PEOPLE = 10_000;

describe('re-evaluation of a large tenant', () => {
  let rig: HandlerRig;
  const tenant = randomUUID();
  const group = randomUUID();
  beforeAll(async () => {
    rig = await HandlerRig.start();
    await rig.deliver(settings(1, []));
    const data = { group: { id: group, displayName: 'Everyone', externalId: null, version: 1 } };
    await rig.deliver(envelope('com.stackflow.directory.group.created.v1', tenant, group, 1, data));
    await rig.reevaluateAll();
    // The state after ten thousand pushes. This spec does not measure the pushes.
    await rig.database.query(
      `with people as (insert into directory_user (id, tenant, version, user_name, active) select gen_random_uuid(), $1, 1, 'p' || n || '@x', true from generate_series(1, $2) n returning id, user_name)
       insert into account (id, tenant, user_name, status, announced_status, version, provisioned_at, applied)
       select id, $1, user_name, 'active', 'active', 1, now(), '{"exists": true, "confirmed": true}' from people`,
      [tenant, PEOPLE],
    );
    const ids = (await rig.database.query<{ id: string }>('select id from account order by id')).map(({ id }) => id);
    rig.directories.set(tenant, (_group, { after = '', limit = 1_000 }) => {
      const members = ids.filter((id) => id > after).slice(0, limit);
      return { version: 1, members, next: members.at(-1) === ids.at(-1) ? null : (members.at(-1) ?? null) };
    });
    await rig.database.query('analyze');
  });
  afterAll(() => rig.close());

  const settings = (version: number, roleMappings: object[], brake: Brake | null = null) =>
    envelope(
      'com.stackflow.integration.settings.changed.v1',
      tenant,
      tenant,
      version,
      {
        ...defaultSettings(),
        brake,
        roleMappings,
        tenant: { id: tenant, slug: 'large', host: null },
        scimToken: null,
      },
      `settings:${version}`,
    );
  const one = async <T>(sql: string): Promise<T | undefined> =>
    (await rig.database.query<T & Record<string, unknown>>(sql))[0];

  it('grants to and revokes from everybody in one transaction', async () => {
    await rig.deliver(settings(2, [{ role: 'viewer', group: { name: 'everyone' } }]));
    const statements = jest.spyOn(Client.prototype, 'query');
    await rig.reevaluateAll();
    expect(statements.mock.calls.length).toBeGreaterThan(5);
    // One statement per account would be 10,000.
    expect(statements.mock.calls.length).toBeLessThan(PEOPLE / 50);
    statements.mockRestore();
    expect(
      await one(
        `select count(*)::int as accounts, count(distinct xmin::text)::int as transactions, min(priority)::int as priority from account where roles = '{viewer}' and desired_revision > applied_revision`,
      ),
    ).toEqual({ accounts: PEOPLE, transactions: 1, priority: 2 });
    expect(
      await one(
        `select count(*)::int as grants from role_grant where revoked_at is null and granted_causation_id = 'settings:2' and granted_group = '${group}'`,
      ),
    ).toEqual({ grants: PEOPLE });
    expect(
      await one(
        `select count(*)::int as events, count(*) filter (where sequence = 2)::int as next from outbox where type like '%roles-changed%'`,
      ),
    ).toEqual({ events: PEOPLE, next: PEOPLE });

    await rig.deliver(settings(3, []));
    await rig.reevaluateAll();
    expect(
      await one(`select count(*)::int as accounts, max(priority)::int as priority from account where roles = '{}'`),
    ).toEqual({ accounts: PEOPLE, priority: 0 });
    expect(await one(`select count(*)::int as open from role_grant where revoked_at is null`)).toEqual({ open: 0 });
  });

  it('changes nothing when it is repeated', async () => {
    const before = await one('select count(*)::int as events from outbox');
    await rig.database.query(
      `insert into reevaluation (tenant, cause, causation_id) values ('${tenant}', 'settings.changed', 'again')`,
    );
    await rig.reevaluateAll();
    expect(await one('select count(*)::int as events from outbox')).toEqual(before);
  });

  it('takes the roles of a tenth when the tenant has a brake, and the rest after a release', async () => {
    await rig.database.query(`update role_grant set revoked_at = revoked_at - interval '1 hour'`);
    await rig.database.query(`update account set provisioned_at = now() - interval '1 day'`);
    await rig.deliver(settings(4, [{ role: 'viewer', group: { name: 'everyone' } }], DEFAULT_BRAKE));
    await rig.reevaluateAll();
    await rig.deliver(settings(5, [], DEFAULT_BRAKE));
    await rig.reevaluateAll();
    const state = `select count(*) filter (where roles = '{}')::int as without, (select count(*)::int from held_role_loss) as held from account`;
    expect(await one(state)).toEqual({ without: PEOPLE / 10, held: PEOPLE - PEOPLE / 10 });
    expect(await rig.losses.release(tenant, null, 'grace')).toBe(PEOPLE - PEOPLE / 10);
    await rig.reevaluateAll();
    expect(await one(state)).toEqual({ without: PEOPLE, held: 0 });
  }, 180_000);
});
