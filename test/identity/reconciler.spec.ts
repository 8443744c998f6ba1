/** Trouble with Cognito: lost answers, crashes, throttling, refusals, changes by hand. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Tenant } from '../support/identity-directory.js';
import { IdentityRig } from '../support/identity.js';
import { eventually } from '../support/waiting.js';

describe('the reconciler', () => {
  let rig: IdentityRig;
  let tenant: Tenant;
  beforeAll(async () => {
    rig = await IdentityRig.start();
    await rig.startService();
    tenant = await rig.addTenant();
    await rig.directory.addGroup(tenant, 'unused');
  });
  afterEach(() => rig.cognito.noFaults());
  afterAll(() => rig.close());

  const show = async (id: string) =>
    (
      await rig.http<{ cognito: Record<string, unknown>; status: string }>(
        'GET',
        `/internal/tenants/${tenant.id}/accounts/${id}`,
      )
    ).body;
  const retry = (id: string) => rig.http('POST', `/internal/tenants/${tenant.id}/accounts/${id}/retry`);
  const operations = async (id: string): Promise<string[]> =>
    (await rig.cognito.calls(`subject=${id}`)).map((c) => `${c.operation} ${c.outcome}`);

  it('adopts its own user when the answer to the creation was lost', async () => {
    await rig.cognito.fault({ effect: 'drop', operation: 'AdminCreateUser', times: 1 });
    const ada = await rig.directory.addPerson(tenant, 'ada');
    await rig.quiet();
    expect(await rig.cognito.user(ada.id)).toMatchObject({ status: 'CONFIRMED', attributes: { email: ada.email } });
  });

  it('finishes what a crash interrupted between a call and its record', async () => {
    const group = await rig.directory.addGroup(tenant, 'StackFlow-Viewers');
    const bea = await rig.directory.addPerson(tenant, 'bea');
    await rig.directory.join(bea, group);
    await rig.quiet();
    // The state after a process was killed: Cognito has more than the row says, and the owner of the lease is gone.
    await rig.cognito.byHand('AdminAddUserToGroup', { Username: bea.id, GroupName: 'viewer' });
    await rig.admin.query(
      `update identity.account set lease_owner = $2, applied = jsonb_set(applied, '{groups}', '[]') where id = $1`,
      [bea.id, randomUUID()],
    );
    await rig.directory.leave(bea, group);
    await rig.quiet();
    expect((await rig.cognito.user(bea.id))?.groups).toEqual([]);
  });

  it('creates a missing group of a role once for many accounts, with its precedence', async () => {
    const other = await rig.addTenant({
      roles: ['chief', 'night_shift'],
      roleMappings: [{ role: 'night_shift', group: { name: 'Night' } }],
    });
    const group = await rig.directory.addGroup(other, 'Night');
    await rig.cognito.forgetCalls();
    const people = await rig.directory.addPeople(other, 5, group);
    await rig.quiet();
    for (const p of people) expect((await rig.cognito.user(p.id))?.groups).toEqual(['night_shift']);
    const created = await rig.cognito.calls('operation=CreateGroup');
    expect(created.filter((c) => c.group === 'night_shift' && c.outcome === 'ok')).toHaveLength(1);
  });

  it('waits after throttling and does not count it as a failure', async () => {
    await rig.cognito.fault({ effect: 'throttle', operation: 'AdminCreateUser', times: 3 });
    const tom = await rig.directory.addPerson(tenant, 'tom');
    await rig.quiet();
    expect(await rig.cognito.user(tom.id)).toBeDefined();
    expect((await operations(tom.id)).filter((o) => o === 'AdminCreateUser TooManyRequestsException')).toHaveLength(3);
    expect((await show(tom.id)).cognito).toMatchObject({ state: 'synced', attempts: 0, lastError: null });
  });

  it('repeats the removal of a role that Cognito throttled, and the other changes after it', async () => {
    const viewers = await rig.directory.groupNamed(tenant, 'StackFlow-Viewers');
    const una = await rig.directory.addPerson(tenant, 'una');
    await rig.directory.join(una, viewers);
    await rig.quiet();
    expect((await rig.cognito.user(una.id))?.groups).toEqual(['viewer']);
    await rig.cognito.fault({ effect: 'throttle', operation: 'AdminRemoveUserFromGroup', username: una.id, times: 3 });
    await rig.directory.leave(una, viewers);
    await rig.quiet();
    const user = await rig.cognito.user(una.id);
    expect([user?.groups, user?.attributes['custom:role']]).toEqual([[], undefined]);
    expect((await operations(una.id)).filter((o) => o.startsWith('AdminRemoveUserFromGroup'))).toEqual([
      ...Array.from({ length: 3 }, () => 'AdminRemoveUserFromGroup TooManyRequestsException'),
      'AdminRemoveUserFromGroup ok',
    ]);
  });

  it('shows why Cognito refuses an account, blocks no other account, and tries again when the account changes', async () => {
    const id = randomUUID();
    await rig.cognito.fault({
      effect: 'error',
      error: 'InvalidParameterException',
      message: 'Not in this pool.',
      operation: 'AdminCreateUser',
      username: id,
      times: 1,
    });
    const bad = await rig.directory.addPerson(tenant, 'bad', { id });
    const good = await rig.directory.addPerson(tenant, 'good');
    await rig.quiet();
    expect(await rig.cognito.user(good.id)).toBeDefined();
    expect((await show(bad.id)).cognito).toMatchObject({
      state: 'failing',
      lastErrorClass: 'permanent',
      lastError: expect.stringContaining('Not in this pool'),
      attempts: 1,
    });
    expect(await rig.metrics.registry.metrics()).toMatch(/identity_failed_accounts\{class="permanent"[^}]*\} 1/);
    await rig.directory.update(bad, { displayName: 'Good' });
    await rig.quiet();
    expect(await rig.cognito.user(bad.id)).toBeDefined();
    expect((await show(bad.id)).cognito).toMatchObject({ state: 'synced', lastError: null });
  });

  it('never takes over a user of another tenant, and recovers after the user is deleted by hand and the account retried', async () => {
    const id = randomUUID();
    await rig.cognito.byHand('AdminCreateUser', {
      Username: id,
      MessageAction: 'SUPPRESS',
      UserAttributes: [
        { Name: 'custom:tenant_id', Value: randomUUID() },
        { Name: 'email', Value: 'victim@example.com' },
      ],
    });
    const eve = await rig.directory.addPerson(tenant, 'eve', { id });
    await eventually(async () =>
      expect((await show(eve.id)).cognito).toMatchObject({
        lastErrorClass: 'conflict',
        lastError: expect.stringContaining('belongs to tenant'),
      }),
    );
    expect((await rig.cognito.user(eve.id))?.attributes.email).toBe('victim@example.com');
    await rig.cognito.byHand('AdminDeleteUser', { Username: eve.id });
    expect((await retry(eve.id)).status).toBe(202);
    await rig.quiet();
    expect((await rig.cognito.user(eve.id))?.attributes.email).toBe('eve@example.com');
  });

  it('creates a user again that somebody deleted in Cognito', async () => {
    const group = await rig.directory.addGroup(tenant, 'StackFlow-Agents');
    const kay = await rig.directory.addPerson(tenant, 'kay');
    await rig.quiet();
    await rig.cognito.byHand('AdminDeleteUser', { Username: kay.id });
    await rig.directory.join(kay, group);
    await rig.quiet();
    expect(await rig.cognito.user(kay.id)).toMatchObject({
      groups: ['itsm_agent'],
      attributes: { email: kay.email },
      status: 'CONFIRMED',
    });
  });

  it('does not rely on its own result after another process took the account over', async () => {
    const group = await rig.directory.groupNamed(tenant, 'StackFlow-Agents');
    const ivy = await rig.directory.addPerson(tenant, 'ivy');
    await rig.quiet();
    await rig.cognito.fault({
      effect: 'latency',
      ms: 500,
      operation: 'AdminAddUserToGroup',
      username: ivy.id,
      times: 1,
    });
    await rig.directory.join(ivy, group);
    await eventually(async () =>
      expect(
        (await rig.admin.query(`select 1 from identity.account where id = $1 and lease_owner is not null`, [ivy.id]))
          .length,
      ).toBe(1),
    );
    // Another process took the account over because our lease had expired, and recorded that the newest state needs no call.
    await rig.admin.query(
      `update identity.account set lease_owner = null, roles = '{}', assigned_roles = '{}', applied = jsonb_set(applied, '{groups}', '[]'), desired_revision = desired_revision + 1, applied_revision = desired_revision + 1 where id = $1`,
      [ivy.id],
    );
    await eventually(async () =>
      expect((await rig.cognito.calls(`subject=${ivy.id}&operation=AdminRemoveUserFromGroup`)).length).toBe(1),
    );
    await rig.quiet();
    expect((await rig.cognito.user(ivy.id))?.groups).toEqual([]);
    await rig.directory.leave(ivy, group);
  });

  it('reads Cognito back after its calls if a retry is requested during them', async () => {
    const jon = await rig.directory.addPerson(tenant, 'jon');
    await rig.quiet();
    await rig.cognito.fault({
      effect: 'latency',
      ms: 500,
      operation: 'AdminUpdateUserAttributes',
      username: jon.id,
      times: 1,
    });
    await rig.directory.update(jon, { displayName: 'Jon 2' });
    await eventually(async () =>
      expect(
        (await rig.admin.query(`select 1 from identity.account where id = $1 and lease_owner is not null`, [jon.id]))
          .length,
      ).toBe(1),
    );
    await rig.cognito.byHand('AdminAddUserToGroup', { Username: jon.id, GroupName: 'viewer' });
    await retry(jon.id);
    await rig.quiet();
    expect(await rig.cognito.user(jon.id)).toMatchObject({ groups: [], attributes: { name: 'Jon 2' } });
  });

  it('does not lose a change that arrives during its calls', async () => {
    const dot = await rig.directory.addPerson(tenant, 'dot');
    await rig.quiet();
    await rig.cognito.fault({ effect: 'latency', ms: 400, operation: 'AdminUpdateUserAttributes', times: 1 });
    await rig.directory.update(dot, { displayName: 'First' });
    await eventually(async () =>
      expect(
        (await rig.admin.query(`select 1 from identity.account where id = $1 and lease_owner is not null`, [dot.id]))
          .length,
      ).toBe(1),
    );
    await rig.directory.update(dot, { displayName: 'Second' });
    await rig.quiet();
    expect((await rig.cognito.user(dot.id))?.attributes.name).toBe('Second');
  });

  it('repairs what a comparison with the pool finds changed by hand, and only reports users without an account', async () => {
    const group = await rig.directory.groupNamed(tenant, 'StackFlow-Viewers');
    const [a, b, c, d] = await rig.directory.addPeople(tenant, 4, group);
    if (!a || !b || !c || !d) throw new Error('four people');
    await rig.quiet();
    const call = (operation: string, input: object): Promise<void> => rig.cognito.byHand(operation, input);
    await call('AdminAddUserToGroup', { Username: a.id, GroupName: 'itsm_agent' });
    await call('AdminRemoveUserFromGroup', { Username: b.id, GroupName: 'viewer' });
    await call('AdminUpdateUserAttributes', {
      Username: c.id,
      UserAttributes: [
        { Name: 'custom:tenant_id', Value: randomUUID() },
        { Name: 'nickname', Value: 'not ours' },
      ],
    });
    await call('AdminDeleteUser', { Username: d.id });
    await call('AdminCreateUser', { Username: 'stranger', MessageAction: 'SUPPRESS' });
    const { body } = await rig.http<{ run: string }>('POST', '/internal/pool-comparison');
    await eventually(async () =>
      expect((await rig.http<{ state: string }>('GET', '/internal/pool-comparison')).body.state).toBe('done'),
    );
    await rig.quiet();
    const run = (await rig.http<{ id: string; progress: object }>('GET', '/internal/pool-comparison')).body;
    expect(run.id).toBe(body.run);
    expect(run.progress).toMatchObject({
      differing: 4,
      attributes: 1,
      groups: 2,
      missing: 1,
      orphans: 1,
      orphanSample: ['stranger'],
    });
    for (const p of [a, b, c, d])
      expect(await rig.cognito.user(p.id)).toMatchObject({
        groups: ['viewer'],
        attributes: { 'custom:tenant_id': tenant.id, 'custom:role': 'viewer' },
      });
    expect((await rig.cognito.user(c.id))?.attributes.nickname).toBe('not ours');
    expect(await rig.cognito.user('stranger')).toBeDefined();
    await rig.expectConverged();
  });

  it('changes nothing after a comparison that finds no difference', async () => {
    await rig.quiet();
    await rig.cognito.forgetCalls();
    await rig.http('POST', '/internal/pool-comparison');
    await eventually(async () =>
      expect(
        (await rig.http<{ state: string; progress: object }>('GET', '/internal/pool-comparison')).body,
      ).toMatchObject({
        state: 'done',
        progress: { differing: 0 },
      }),
    );
    await rig.quiet();
    const writes = (await rig.cognito.calls()).filter((c) => !c.operation.startsWith('List'));
    expect(writes).toEqual([]);
  });
});

describe('a user pool that does not exist', () => {
  it('pauses the reconciler until it exists', async () => {
    const rig = await IdentityRig.start();
    try {
      await rig.startService();
      await rig.cognito.fault({
        effect: 'error',
        error: 'ResourceNotFoundException',
        message: 'User pool us-east-1_none does not exist.',
      });
      const tenant = await rig.addTenant();
      await rig.directory.addPeople(tenant, 30);
      await eventually(async () =>
        expect(await rig.metrics.registry.metrics()).toMatch(/identity_reconciler_paused\{[^}]*\} 1/),
      );
      await sleep(500); // the calls that were running end
      const first = (await rig.cognito.calls()).length;
      await sleep(2_000);
      expect((await rig.cognito.calls()).length - first).toBeLessThanOrEqual(2);
      await rig.cognito.noFaults();
      await rig.quiet();
      await rig.expectConverged();
      expect(await rig.metrics.registry.metrics()).toMatch(/identity_reconciler_paused\{[^}]*\} 0/);
    } finally {
      await rig.close();
    }
  });
});
