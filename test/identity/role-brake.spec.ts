/** The brake for losses of roles, on the handlers: which losses happen, which are held, and how holding ends. */
import { Writable } from 'node:stream';
import { createLogger } from '#platform';
import { BrakeWorld, type Member } from './brake-world.js';
import { HandlerRig } from './handlers.js';
import { eventually } from '../support/waiting.js';

describe('the brake for losses of roles', () => {
  let rig: HandlerRig;
  const lines: Record<string, unknown>[] = [];
  const log = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  beforeAll(async () => {
    rig = await HandlerRig.start(createLogger('test', 'info', log));
    rig.losses.onApplicationBootstrap();
  });
  afterAll(async () => {
    await rig.losses.onModuleDestroy();
    await rig.close();
  });

  const logged = (code: string, tenant: string) => lines.filter((l) => l.code === code && l.tenant === tenant);
  const pick = (members: readonly Member[], i: number): Member => {
    const member = members[i];
    if (!member) throw new RangeError(String(i));
    return member;
  };

  it('allows as many losses as the limit, holds and lists the others, and logs once', async () => {
    const world = await BrakeWorld.create(rig, { atLeast: 3 });
    const people = await world.people(8, 'viewers');
    await world.leaveAll(people.slice(0, 6), 'viewers');
    expect(await world.roles(people)).toEqual(['', '', '', 'viewer', 'viewer', 'viewer', 'viewer', 'viewer']);
    expect(await world.held()).toEqual(
      people
        .slice(3, 6)
        .map(({ id }) => ({ id, lose: 'viewer', because: 'threshold', cause: 'group.members-changed' })),
    );
    expect(logged('role_brake_tripped', world.tenant)).toHaveLength(1);
    const announced = await rig.database.query(
      `select subject from outbox where tenant = $1 and type like '%roles-changed%' and jsonb_array_length(data -> 'revoked') > 0`,
      [world.tenant],
    );
    expect(announced).toHaveLength(3);
  });

  it('takes its percentage of the accounts in use', async () => {
    const world = await BrakeWorld.create(rig, { atLeast: 1, percent: 30 });
    const people = await world.people(10, 'viewers');
    await world.leaveAll(people.slice(0, 4), 'viewers');
    expect(await world.countWithout(people, 'viewer')).toBe(3);
    expect(await world.held()).toHaveLength(1);
  });

  it('does not count losses before the window, but keeps holding what it held then', async () => {
    const world = await BrakeWorld.create(rig, {});
    const people = await world.people(6, 'agents', 'viewers');
    await world.leaveAll(people.slice(0, 3), 'viewers');
    expect(await world.held()).toHaveLength(1);
    await world.age(11);
    await rig.deliver(world.leave(pick(people, 2), 'agents'));
    await world.leaveAll(people.slice(3, 6), 'viewers');
    expect(await world.roles(people)).toEqual([
      'itsm_agent',
      'itsm_agent',
      'itsm_agent,viewer',
      'itsm_agent',
      'itsm_agent',
      'itsm_agent,viewer',
    ]);
    expect((await world.held()).map((h) => h.lose)).toEqual(['itsm_agent,viewer', 'viewer']);
  });

  it('neither counts closings by the worker nor delays them by a held loss', async () => {
    const world = await BrakeWorld.create(rig, { atLeast: 1 });
    const people = await world.people(5, 'viewers');
    for (const member of people.slice(0, 2)) await rig.deliver(world.closed(member, 'inactive'));
    await world.leaveAll(people.slice(2, 4), 'viewers');
    expect(await world.roles(people)).toEqual(['', '', '', 'viewer', 'viewer']);
    await rig.deliver(world.closed(pick(people, 3), 'removed'));
    expect(await world.roles(people)).toEqual(['', '', '', '', 'viewer']);
    expect(await world.held()).toEqual([]);
  });

  it('neither holds nor counts losses of roles that were never in Cognito', async () => {
    const world = await BrakeWorld.create(rig, { atLeast: 1 });
    const fresh = await world.people(4, 'viewers');
    await rig.database.query('update account set provisioned_at = null where tenant = $1', [world.tenant]);
    await world.leaveAll(fresh.slice(0, 3), 'viewers');
    expect(await world.countWithout(fresh, 'viewer')).toBe(3);
    await rig.database.query('update account set provisioned_at = now() where tenant = $1', [world.tenant]);
    await world.leaveAll(fresh.slice(3), 'viewers');
    expect(await world.countWithout(fresh, 'viewer')).toBe(4);
  });

  it('counts and releases for each tenant separately', async () => {
    const [one, two] = [await BrakeWorld.create(rig, {}), await BrakeWorld.create(rig, {})];
    const [ones, twos] = [await one.people(3, 'viewers'), await two.people(3, 'viewers')];
    await one.leaveAll(ones, 'viewers');
    await two.leaveAll(twos.slice(0, 2), 'viewers');
    expect([(await one.held()).length, (await two.held()).length]).toEqual([1, 0]);
    expect(
      await rig.losses.release(
        two.tenant,
        ones.map((m) => m.id),
        'grace',
      ),
    ).toBe(0);
    expect(await one.held()).toHaveLength(1);
  });

  it('never allows more than the limit, however many transactions decide concurrently', async () => {
    const world = await BrakeWorld.create(rig, { atLeast: 4 });
    const { people, leaves } = await world.teams(16, 'viewer');
    await Promise.all(leaves.map((leave) => rig.deliver(leave)));
    await rig.reevaluateAll();
    expect(await world.countWithout(people, 'viewer')).toBe(4);
    expect(await world.held()).toHaveLength(12);
  });

  it('makes no transaction wait while another one of the tenant decides: it requests a re-evaluation', async () => {
    const world = await BrakeWorld.create(rig, { atLeast: 1 });
    const { people, leaves } = await world.teams(2, 'viewer');
    const [first, second] = leaves;
    if (!first || !second) throw new Error('nobody leaves');
    await rig.database.tx(async (tx) => {
      await rig.deliver(first, tx);
      await rig.deliver(second);
      const requested = await rig.database.query('select user_ids from reevaluation where tenant = $1', [world.tenant]);
      expect(requested).toEqual([{ user_ids: [pick(people, 1).id] }]);
    });
    await rig.reevaluateAll();
    expect(await world.roles(people)).toEqual(['', 'viewer']);
  });

  it('keeps one of two administrators who lose their role concurrently', async () => {
    const world = await BrakeWorld.create(rig, { atLeast: 50 });
    const { people: admins, leaves } = await world.teams(2, 'super_admin');
    await Promise.all(leaves.map((leave) => rig.deliver(leave)));
    await rig.reevaluateAll();
    expect(await world.countWithout(admins, 'super_admin')).toBe(1);
    expect((await world.held()).map((h) => h.because)).toEqual(['last_admin']);
  });

  it('keeps one administrator when a mapping takes the role from all, and none when the mapping moves the role', async () => {
    const world = await BrakeWorld.create(rig, { atLeast: 50 });
    const admins = await world.people(3, 'admins');
    const agents = await world.people(2, 'agents');
    const role = 'super_admin';
    await world.configure({ roleMappings: [{ group: { name: 'StackFlow-Agents' }, role }] });
    await rig.reevaluateAll();
    expect(await world.roles([...admins, ...agents])).toEqual(['', '', '', role, role]);
    expect(await world.held()).toEqual([]);
    await world.configure({ roleMappings: [] });
    await rig.reevaluateAll();
    expect(await world.countWithout(agents, role)).toBe(1);
    expect(await world.held()).toMatchObject([{ because: 'last_admin', lose: role, cause: 'settings.changed' }]);
  });

  it('holds the surplus of losses when a group is deleted', async () => {
    const world = await BrakeWorld.create(rig, { atLeast: 2 });
    const people = await world.people(5, 'viewers');
    await world.deleteGroup('viewers');
    expect(await world.countWithout(people, 'viewer')).toBe(2);
    expect((await world.held()).map((h) => h.cause)).toEqual(['group.deleted', 'group.deleted', 'group.deleted']);
  });

  it('never holds gains, and keeps roles in the order of the tenant', async () => {
    const world = await BrakeWorld.create(rig, { atLeast: 1 });
    const people = await world.people(2, 'agents');
    await world.leaveAll(people, 'agents');
    await rig.deliver(world.join(pick(people, 1), 'viewers'));
    await rig.deliver(world.join(pick(people, 1), 'admins'));
    expect((await world.roles(people))[1]).toBe('super_admin,itsm_agent,viewer');
    expect((await world.held()).map((h) => h.lose)).toEqual(['itsm_agent']);
  });

  it('drops a held loss that is undone, also by switching group sync off', async () => {
    const world = await BrakeWorld.create(rig, { atLeast: 1 });
    const people = await world.people(3, 'viewers');
    await world.leaveAll(people, 'viewers');
    expect(await world.held()).toHaveLength(2);
    await rig.deliver(world.join(pick(people, 1), 'viewers'));
    expect((await world.held()).map((h) => h.id)).toEqual([pick(people, 2).id]);
    await world.configure({ groupSync: false });
    await rig.reevaluateAll();
    expect(await world.held()).toEqual([]);
    expect(await world.roles(people)).toEqual(['', 'viewer', 'viewer']);
    await world.configure({ groupSync: true });
    await rig.reevaluateAll();
    expect((await world.held()).map((h) => h.id)).toEqual([pick(people, 2).id]);
  });

  it('lets an administrator release some losses or all, with their first cause, and none twice', async () => {
    const world = await BrakeWorld.create(rig, { atLeast: 1 });
    const people = await world.people(5, 'viewers');
    await world.leaveAll(people, 'viewers');
    const one = pick(people, 2).id;
    expect(await rig.losses.release(world.tenant, [one], 'grace')).toBe(1);
    await rig.reevaluateAll();
    expect(await world.roles(people)).toEqual(['', 'viewer', '', 'viewer', 'viewer']);
    expect(await rig.losses.release(world.tenant, [one], 'grace')).toBe(0);
    expect(await rig.losses.release(world.tenant, null, 'grace')).toBe(3);
    expect(await rig.losses.release(world.tenant, null, 'grace')).toBe(0);
    await rig.reevaluateAll();
    expect(await world.countWithout(people, 'viewer')).toBe(5);
    const causes = await rig.database.query(
      'select distinct revoked_cause, revoked_group, revoked_causation_id from role_grant where tenant = $1',
      [world.tenant],
    );
    expect(causes).toEqual([
      {
        revoked_cause: 'group.members-changed',
        revoked_group: world.groups.viewers,
        revoked_causation_id: 'group-members-changed',
      },
    ]);
    expect(await rig.database.query('select 1 from held_role_loss where tenant = $1', [world.tenant])).toEqual([]);
  });

  it('decides again about a role that is lost between a release and its application', async () => {
    const world = await BrakeWorld.create(rig, { atLeast: 1 });
    const [other, ada] = await world.people(2, 'agents', 'viewers');
    if (!other || !ada) throw new Error('nobody');
    await world.leaveAll([other, ada], 'viewers');
    await rig.losses.release(world.tenant, null, 'grace');
    await rig.deliver(world.leave(ada, 'agents'));
    await rig.reevaluateAll();
    expect(await world.roles([ada])).toEqual(['itsm_agent']);
    expect((await world.held()).map((h) => h.lose)).toEqual(['itsm_agent']);
  });

  it('releases a loss by itself after the longest time, and logs that', async () => {
    const world = await BrakeWorld.create(rig, { atLeast: 1, holdHours: 2 });
    const people = await world.people(3, 'viewers');
    await world.leaveAll(people, 'viewers');
    await world.age(115);
    await rig.reevaluateAll();
    expect(await world.countWithout(people, 'viewer')).toBe(1);
    await world.age(6);
    await eventually(async () => {
      await rig.reevaluateAll();
      expect(await world.countWithout(people, 'viewer')).toBe(3);
    }, 60_000);
    expect(logged('role_brake_timeout', world.tenant)).toMatchObject([{ released: 2 }]);
  }, 90_000);

  it('holds nothing for a tenant without a brake, and lets held losses happen when the brake is taken off', async () => {
    const free = await BrakeWorld.create(rig, null);
    const all = await free.people(3, 'admins');
    await free.leaveAll(all, 'admins');
    expect(await free.countWithout(all, 'super_admin')).toBe(3);

    const world = await BrakeWorld.create(rig, { atLeast: 1 });
    const people = await world.people(3, 'viewers');
    await world.leaveAll(people, 'viewers');
    await world.configure({ brake: null });
    await rig.reevaluateAll();
    expect(await world.countWithout(people, 'viewer')).toBe(3);
    expect(await world.held()).toEqual([]);
  });
});
