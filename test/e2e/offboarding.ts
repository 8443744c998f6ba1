/**
 * An offboarding through every process, from Okta's push at the edge to Cognito, the account and the event for
 * services. Also the way back, and a crash of the worker during the offboarding.
 */
import { GROUP_SCHEMA, person, scim } from '../support/push.js';
import { until } from '../support/waiting.js';
import type { TestStack } from '../support/stack.js';

const LIMIT_MS = 120_000;
const ROLE = 'itsm_agent';
interface Seen {
  readonly enabled: boolean | null;
  readonly groups: string[];
  readonly status: string | null;
  readonly roles: string[] | null;
  readonly published: string | null;
  readonly publishedRoles: string[] | null;
  readonly desiredAccess: string | null;
}

/** The state of one account in Cognito, in identity-service, and in the event that the worker published. */
const STATE = `
  select u.enabled, a.status, a.roles, p.published_status as published, p.published_roles as "publishedRoles", p.desired_access as "desiredAccess",
         coalesce((select array_agg(g.group_name order by g.group_name) from sandbox.cognito_membership g
                    where g.pool_id = u.pool_id and g.username_key = u.username_key), '{}') as groups
    from (values ($1::uuid)) as wanted (id)
    left join sandbox.cognito_user u on u.username = wanted.id::text
    left join identity.account a on a.id = wanted.id
    left join offboarding.person p on p.id = wanted.id`;

const OPEN: Seen = {
  enabled: true,
  groups: [ROLE],
  status: 'active',
  roles: [ROLE],
  published: 'active',
  publishedRoles: [ROLE],
  desiredAccess: 'enabled',
};
const CLOSED: Seen = {
  enabled: false,
  groups: [],
  status: 'inactive',
  roles: [],
  published: 'inactive',
  publishedRoles: [],
  desiredAccess: 'disabled',
};

export function offboards(running: () => TestStack): void {
  let stack: TestStack;
  let people = 0;
  beforeAll(() => {
    stack = running();
  });

  const push = <T = { id: string }>(method: string, target: string, body?: unknown): Promise<T> =>
    scim<T>(stack.tenant.scimBaseUrl, stack.tenant.scimToken, method, target, body);
  const setActive = (id: string, active: boolean): Promise<unknown> =>
    push('PATCH', `/Users/${id}`, { Operations: [{ op: 'replace', value: { active } }] });

  async function becomes(what: string, id: string, expected: Seen): Promise<void> {
    let last: Seen | undefined;
    const seen = async (): Promise<boolean> => {
      [last] = await stack.query<Seen>(STATE, [id]);
      return JSON.stringify(sorted(last)) === JSON.stringify(sorted(expected));
    };
    await until(what, seen, LIMIT_MS).catch((error: unknown) => {
      throw new Error(`${String(error)}; last seen: ${JSON.stringify(last)}`);
    });
  }

  /** Agents with access everywhere. */
  async function agents(count: number): Promise<string[]> {
    const ids: string[] = [];
    for (let n = 0; n < count; n++) {
      const name = `agent${people++}`;
      ids.push((await push('POST', '/Users', person(`${name}@example.com`, `00u${name.toUpperCase()}`))).id);
    }
    const members = ids.map((value) => ({ value }));
    const [group] = await groupIds();
    if (group)
      await push('PATCH', `/Groups/${group}`, { Operations: [{ op: 'add', path: 'members', value: members }] });
    else await push('POST', '/Groups', { schemas: [GROUP_SCHEMA], displayName: 'StackFlow-Agents', members });
    for (const id of ids) await becomes('access', id, OPEN);
    return ids;
  }

  async function groupIds(): Promise<string[]> {
    const { Resources } = await push<{ Resources: { id: string }[] }>(
      'GET',
      `/Groups?filter=${encodeURIComponent('displayName eq "StackFlow-Agents"')}`,
    );
    return Resources.map((group) => group.id);
  }

  const casesOf = (id: string): Promise<{ state: string; cause: string; ordered: boolean; complete: boolean }[]> =>
    stack.query(
      `select state, cause, pushed_at <= fenced_at and fenced_at <= disabled_at and disabled_at <= confirmed_at as ordered,
              num_nonnulls(disabled_at, signed_out_at, sessions_ended_at, confirmed_at) = 4 as complete
         from offboarding.offboarding_case where account_id = $1 order by received_at`,
      [id],
    );
  const cognitoCalls = async (id: string): Promise<string[]> => {
    const answer = await fetch(`${stack.description.sandbox.cognito}/sandbox/calls?subject=${id}&limit=1000`);
    const { calls } = (await answer.json()) as { calls: { operation: string; outcome: string }[] };
    return calls.filter((c) => c.outcome === 'ok').map((c) => c.operation);
  };
  const fault = async (body: object): Promise<void> => {
    const answer = await fetch(`${stack.description.sandbox.cognito}/sandbox/faults`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(answer.ok).toBe(true);
  };
  const noFaults = (): Promise<Response> =>
    fetch(`${stack.description.sandbox.cognito}/sandbox/faults`, { method: 'DELETE' });

  it('ends all access on one PATCH, keeps the evidence, and restores access on another', async () => {
    const [id = ''] = await agents(1);
    await setActive(id, false);
    await becomes('all access ended', id, CLOSED);
    await until('the case completed', async () => (await casesOf(id)).some((c) => c.state === 'completed'), LIMIT_MS);
    expect(await casesOf(id)).toEqual([
      { state: 'completed', cause: 'user.deactivated', ordered: true, complete: true },
    ]);
    const calls = await cognitoCalls(id);
    expect(calls).toEqual(expect.arrayContaining(['AdminDisableUser', 'AdminUserGlobalSignOut']));
    const [fence] = await stack.query<{ fresh: boolean }>(
      `select p.not_before >= c.fenced_at - interval '1 second' as fresh from offboarding.person p
         join offboarding.offboarding_case c on c.account_id = p.id where p.id = $1`,
      [id],
    );
    expect(fence).toEqual({ fresh: true });

    await setActive(id, true);
    await becomes('access restored', id, OPEN);
    expect((await casesOf(id)).map((c) => c.state)).toEqual(['completed']);
  }, 360_000);

  it("ends access after a suspension, through Okta's event hook at the edge", async () => {
    const login = 'suspended@example.com';
    await stack.okta('assign', { login });
    const [user] = await stack.query<{ id: string }>('select id from directory.users where user_name = $1', [login]);
    const id = user?.id ?? '';
    const roleless = { groups: [], roles: [], publishedRoles: [] };
    await becomes('access', id, { ...OPEN, ...roleless });
    await stack.okta('suspend', { login });
    await becomes('all access ended', id, CLOSED);
    expect((await casesOf(id)).map((c) => c.cause)).toEqual(['okta.suspended']);
    await stack.okta('unsuspend', { login });
    await becomes('access restored', id, { ...OPEN, ...roleless });
  }, 360_000);

  it('converges if the worker is killed during offboardings', async () => {
    const ids = await agents(6);
    // Slow enough that the kill hits running calls.
    await fault({ effect: 'latency', ms: 300, operation: 'AdminDisableUser' });
    await fault({ effect: 'latency', ms: 300, operation: 'AdminUserGlobalSignOut' });
    for (const id of ids) await setActive(id, false);
    for (let kills = 0; kills < 2; kills++) {
      const { pid } = stack.description.services['deactivation-worker'] ?? { pid: 0 };
      await until(
        'Cognito access is being disabled',
        async () =>
          (await stack.query(`select 1 from offboarding.offboarding_case where state in ('running', 'completed')`))[0],
        LIMIT_MS,
      );
      stack.kill('deactivation-worker');
      await until('the next process', () => stack.description.services['deactivation-worker']?.pid !== pid, LIMIT_MS);
      await stack.ready('deactivation-worker');
      // Half of them come back while the worker is taking over.
      if (kills === 1) for (const id of ids.slice(0, 3)) await setActive(id, true);
    }
    await noFaults();
    for (const id of ids.slice(0, 3)) await becomes('access restored', id, OPEN);
    for (const id of ids.slice(3)) await becomes('all access ended', id, CLOSED);
    const unfinished = `select 1 from offboarding.offboarding_case where state in ('new', 'held', 'running')`;
    await until('no case left', async () => (await stack.query(unfinished)).length === 0, LIMIT_MS);
    const states = (await Promise.all(ids.slice(3).map(casesOf))).flat().map((c) => c.state);
    expect(states).toEqual(['completed', 'completed', 'completed']);
    for (const schema of ['offboarding', 'identity'])
      expect(await stack.query(`select 1 from ${schema}.parked_event`)).toEqual([]);
  }, 480_000);
}

const sorted = (value: object | undefined): [string, unknown][] =>
  Object.entries(value ?? {}).sort(([a], [b]) => a.localeCompare(b));
