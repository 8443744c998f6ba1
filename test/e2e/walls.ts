/**
 * No tenant delays another: a tenant floods every queue on the way from Okta's push to the guards, while people lose
 * access in another tenant and in its own. The tests compare the order of events and no times.
 */
import { createHash } from 'node:crypto';
import { GROUP_SCHEMA, person, scim } from '../support/push.js';
import { ROLE_CHANGES } from '../support/role-changes.js';
import { until } from '../support/waiting.js';
import type { TestStack } from '../support/stack.js';
import { hubOf, TESTER } from '../support/tenant-command.js';

const LIMIT_MS = 120_000;
const MEMBERS = 100;
const GROUPS = 24;
/** Role changes of each person of the loud tenant, published at once. */
const CHANGES = 80;
/** The part of the flood that must still wait when a fence is published. */
const STILL_WAITING = (MEMBERS * CHANGES) / 4;

interface Tenant {
  readonly id: string;
  readonly token: string;
}

/** The case of one person, and how many events of the flood deactivation-worker has not handled at the same instant. */
const STATE = `
  with flood as (
    select ($2::int + $3::int) - coalesce(i.sequence, 0) as waits from unnest($1::text[]) as k(key)
    left join offboarding.inbox i on i.consumer_group = 'deactivation-worker' and i.topic = 'identity.accounts' and i.key = k.key
  )
  select c.fenced_at is not null and not exists (
           select 1 from offboarding.outbox o where o.topic = 'identity.access' and o.subject = c.account_id::text and o.lane = 0) as fenced,
         (select sum(waits) from flood)::int + (select count(*) from offboarding.deferred_event)::int as waiting
    from (values (1)) as one left join offboarding.offboarding_case c on c.account_id = $4`;

export function keepsTenantsApart(running: () => TestStack): void {
  let stack: TestStack;
  const tenants = new Map<string, Tenant>();
  const crowd: string[] = [];
  const groups: string[] = [];

  const send = <T = { id: string }>(slug: string, method: string, target: string, body?: unknown): Promise<T> =>
    scim<T>(stack.tenant.scimBaseUrl, tenants.get(slug)?.token ?? '', method, target, body);
  const externalId = (name: string) => `00u${createHash('sha256').update(name).digest('hex').slice(0, 17)}`;

  async function addPerson(slug: string, name: string): Promise<string> {
    const { id } = await send(slug, 'POST', '/Users', person(`${name}@${slug}.example`, externalId(name + slug)));
    return id;
  }

  async function haveAccess(ids: readonly string[]): Promise<boolean> {
    const [row] = await stack.query<{ n: number }>(
      `select count(*)::int as n from offboarding.person where published_status = 'active' and provisioned and id = any($1::uuid[])`,
      [ids],
    );
    return row?.n === ids.length;
  }

  beforeAll(async () => {
    stack = running();
    for (const slug of ['loud', 'calm']) {
      const { tenant, scimToken } = await hubOf(stack).create({ slug, by: TESTER, settings: { scimEnabled: true } });
      tenants.set(slug, { id: tenant.id, token: scimToken?.secret ?? '' });
    }
    for (let n = 0; n < MEMBERS; n += 10)
      crowd.push(...(await Promise.all(Array.from({ length: 10 }, (_, i) => addPerson('loud', `member-${n + i}`)))));
    const members = crowd.map((value) => ({ value }));
    for (let n = 0; n < GROUPS; n++) {
      const group = { schemas: [GROUP_SCHEMA], displayName: `Crowd ${n}`, members };
      groups.push((await send('loud', 'POST', '/Groups', group)).id);
    }
    await until('the crowd has access', () => haveAccess(crowd), LIMIT_MS, 200);
  }, LIMIT_MS);

  it.each(['calm', 'loud'])(
    'closes access in the %s tenant while a flood of the loud tenant waits',
    async (slug) => {
      const round = slug === 'calm' ? 0 : 1;
      const id = await addPerson(slug, 'leaver');
      await until('the person has access', () => haveAccess([id]), LIMIT_MS, 100);
      const before = 1_000 + round * CHANGES;
      const loud = tenants.get('loud')?.id ?? '';
      const op =
        round === 0
          ? { op: 'remove', path: 'members' }
          : { op: 'add', path: 'members', value: crowd.map((value) => ({ value })) };
      const requests = groups.map((group) => send('loud', 'PATCH', `/Groups/${group}`, { Operations: [op] }));
      await stack.query(ROLE_CHANGES, [loud, crowd, before, CHANGES]);
      await send(slug, 'PATCH', `/Users/${id}`, { Operations: [{ op: 'replace', value: { active: false } }] });
      const keys = crowd.map((member) => `${loud}:${member}`);
      let waiting = 0;
      const fenced = async (): Promise<boolean> => {
        const [row] = await stack.query<{ fenced: boolean; waiting: number }>(STATE, [keys, before, CHANGES, id]);
        waiting = row?.waiting ?? 0;
        return row?.fenced ?? false;
      };
      await until('the fence is published', fenced, LIMIT_MS, 5);
      expect(waiting).toBeGreaterThan(STILL_WAITING);
      await Promise.all(requests);
      const handled = async (): Promise<boolean> => !(await fenced()) || waiting === 0;
      await until('the flood is handled', handled, LIMIT_MS, 500);
    },
    3 * LIMIT_MS,
  );
}
