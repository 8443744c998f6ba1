/** Held losses of roles as an administrator sees them: in the pool, the internal API, the command line, and metrics. */
import { randomUUID } from 'node:crypto';
import { runStackflow } from '../support/command-line.js';
import type { HeldRoleLossView } from '#contracts';
import type { Group, Person, Tenant } from '../support/identity-directory.js';
import { IdentityRig } from '../support/identity.js';
import { TOKEN } from '../support/internal-api.js';

describe('a held loss of roles', () => {
  let rig: IdentityRig;
  let tenant: Tenant;
  let group: Group;
  let people: Person[];
  beforeAll(async () => {
    rig = await IdentityRig.start();
    await rig.startService();
  });
  afterAll(() => rig.close());

  beforeEach(async () => {
    tenant = await rig.addTenant({ brake: { percent: 0, atLeast: 1, windowMinutes: 10, holdHours: 24 } });
    group = await rig.directory.addGroup(tenant, 'StackFlow-Agents');
    people = await rig.directory.addPeople(tenant, 3, group);
    await rig.quiet();
    for (const person of people) {
      await rig.directory.leave(person, group);
      await rig.quiet();
    }
  });

  const base = (of = tenant): string => `/internal/tenants/${of.id}/held-role-losses`;
  const held = async (of = tenant) => (await rig.http<{ held: HeldRoleLossView[] }>('GET', base(of))).body.held;
  const release = (body: unknown, of = tenant) =>
    rig.http<{ released: number; code: string; detail: string }>('POST', `${base(of)}/release`, TOKEN, body);
  const groups = async (): Promise<string[]> => {
    const users = await rig.cognito.users();
    return people.map((p) => users.get(p.id)?.groups.join() ?? 'missing');
  };
  const scrape = async (name: string, reason: string): Promise<number> => {
    const metric = await rig.metrics.registry.getSingleMetric(name)?.get();
    return metric?.values.find((v) => v.labels.reason === reason)?.value ?? 0;
  };
  const cli = async (...args: string[]): Promise<string> => {
    const IDENTITY_SERVICE_URL = String(await rig.app?.getUrl());
    const where = { IDENTITY_SERVICE_URL, INTERNAL_API_CREDENTIAL: TOKEN, STACKFLOW_OPERATOR: 'grace' };
    const { code, out, err } = await runStackflow(['accounts', ...args, '--tenant', tenant.id], where);
    expect([code, err]).toEqual([0, '']);
    return out;
  };

  it('leaves the user in the group of the pool, is listed by name, and happens when it is released', async () => {
    expect(await groups()).toEqual(['', 'itsm_agent', 'itsm_agent']);
    expect(await held()).toEqual(
      people.slice(1).map((p) => ({
        account: p.id,
        userName: p.userName,
        displayName: p.displayName,
        roles: ['itsm_agent'],
        wouldLose: ['itsm_agent'],
        heldBecause: 'threshold',
        heldAt: expect.any(String),
        heldUntil: expect.any(String),
        cause: 'user.left-group',
        causationId: expect.stringMatching(/^req-/),
      })),
    );
    expect(await scrape('identity_held_role_losses', 'threshold')).toBeGreaterThanOrEqual(2);
    expect(await scrape('identity_role_losses_held_total', 'threshold')).toBeGreaterThanOrEqual(2);
    expect((await release({ accounts: [people[1]?.id, randomUUID()], by: 'grace' })).body).toEqual({ released: 1 });
    await rig.quiet();
    expect(await groups()).toEqual(['', '', 'itsm_agent']);
    expect((await release({ by: 'grace' })).body).toEqual({ released: 1 });
    expect((await release({ by: 'grace' })).body).toEqual({ released: 0 });
    await rig.quiet();
    expect(await groups()).toEqual(['', '', '']);
    expect(await held()).toEqual([]);
    await rig.expectConverged();
  });

  it('is shown and explained on the command line', async () => {
    const name = people[1]?.userName ?? '';
    expect(await cli('show', name)).toMatch(/Loss held +would lose itsm_agent \(user\.left-group\); held since 2/);
    expect(await cli('explain', name)).toContain(
      "The user's groups no longer give itsm_agent (user.left-group). The brake has held this loss since 2",
    );
    expect(await cli('explain', people[0]?.userName ?? '')).not.toContain('held');
    await rig.directory.join(people[1] as Person, group);
    await rig.quiet();
    expect(await cli('show', name)).not.toContain('Loss held');
  });

  it('is neither shown to nor released by another tenant or a caller without the token', async () => {
    const other = await rig.addTenant();
    expect(await held(other)).toEqual([]);
    expect((await release({ accounts: people.map((p) => p.id), by: 'mallory' }, other)).body).toEqual({ released: 0 });
    expect((await rig.http('GET', base(), 'wrong')).status).toBe(401);
    expect((await rig.http('POST', `${base()}/release`, 'wrong', { by: 'mallory' })).status).toBe(401);
    expect(await held()).toHaveLength(2);
  });

  it.each([
    ['a body without a name', {}, 'by'],
    ['a blank name', { by: '  ' }, 'by'],
    ['control characters', { by: 'grace\n{"level":60}' }, 'by'],
    ['a long name', { by: 'x'.repeat(201) }, 'by'],
    ['an empty list of accounts', { by: 'grace', accounts: [] }, 'accounts'],
    ['account ids that are no UUIDs', { by: 'grace', accounts: ['ada'] }, 'accounts'],
    ['accounts that are not a list', { by: 'grace', accounts: { all: true } }, 'accounts'],
    ['too many accounts', { by: 'grace', accounts: Array.from({ length: 10_001 }, () => randomUUID()) }, 'accounts'],
    ['an unknown field', { by: 'grace', all: true }, 'all'],
  ])('is not released by %s', async (_, body, field) => {
    const answer = await release(body);
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request']);
    expect(answer.body.detail).toContain(field);
    expect(await held()).toHaveLength(2);
  });
});
