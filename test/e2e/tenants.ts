/**
 * Promise P4 through every part. Many tenants work concurrently, with the same names and external ids, and each also
 * tries to reach another tenant. Every row, event, answer and Cognito attribute must belong to the right tenant.
 */
import { randomUUID } from 'node:crypto';
import { GROUP_SCHEMA, person, scim } from '../support/push.js';
import { until } from '../support/waiting.js';
import type { TestStack } from '../support/stack.js';
import { hubOf, TESTER } from '../support/tenant-command.js';

const TENANTS = 6;
const PEOPLE = 8;
const ROLES = { 'StackFlow-Agents': 'itsm_agent', 'StackFlow-Viewers': 'viewer' } as const;

interface Tenant {
  readonly slug: string;
  readonly id: string;
  readonly token: string;
  readonly people: Map<string, string>;
}
interface Listed {
  readonly totalResults: number;
  readonly Resources: readonly { readonly id: string; readonly userName: string }[];
}

export function separatesTenants(running: () => TestStack): void {
  let stack: TestStack;
  let base: string;
  const tenants: Tenant[] = [];

  beforeAll(async () => {
    stack = running();
    base = stack.tenant.scimBaseUrl;
    for (let n = 0; n < TENANTS; n++) {
      const slug = `wall-${n}`;
      const { tenant, scimToken } = await hubOf(stack).create({ slug, by: TESTER, settings: { scimEnabled: true } });
      tenants.push({ slug, id: tenant.id, token: scimToken?.secret ?? '', people: new Map() });
    }
  }, 120_000);

  const send = <T = { id: string }>(tenant: Tenant, method: string, target: string, body?: unknown) =>
    scim<T>(base, tenant.token, method, target, body);

  /**
   * The same names in every tenant: only the tenant distinguishes them. People with even numbers are agents, the others
   * viewers.
   */
  async function populate(tenant: Tenant): Promise<void> {
    await Promise.all(
      Array.from({ length: PEOPLE }, async (_, n) => {
        const { id } = await send(tenant, 'POST', '/Users', person(`person-${n}@same.example`, `00uSAME${n}`));
        tenant.people.set(`person-${n}@same.example`, id);
      }),
    );
    const ids = [...tenant.people].sort(([a], [b]) => a.localeCompare(b)).map(([, id]) => id);
    const neighbour = tenants[(tenants.indexOf(tenant) + 1) % tenants.length];
    const stolen = [...(neighbour?.people.values() ?? []), randomUUID()];
    for (const [offset, displayName] of Object.keys(ROLES).entries()) {
      const members = [...ids.filter((_, n) => n % 2 === offset), ...stolen].map((value) => ({ value }));
      const group = await send<{ members: { value: string }[] }>(tenant, 'POST', '/Groups', {
        schemas: [GROUP_SCHEMA],
        displayName,
        members,
      });
      expect(new Set(group.members.map((m) => m.value))).toEqual(new Set(ids.filter((_, n) => n % 2 === offset)));
    }
  }

  it('keeps every row, event, answer and Cognito user in its own tenant', async () => {
    await Promise.all(tenants.map(populate));

    for (const tenant of tenants) {
      const listed = await send<Listed>(tenant, 'GET', '/Users?count=1000');
      expect(new Map(listed.Resources.map((u) => [u.userName, u.id]))).toEqual(tenant.people);
      const neighbour = tenants[(tenants.indexOf(tenant) + 1) % tenants.length];
      const [foreign] = [...(neighbour?.people.values() ?? [])];
      for (const method of ['GET', 'DELETE', 'PUT', 'PATCH'])
        await expect(
          send(
            tenant,
            method,
            `/Users/${foreign}`,
            method === 'PUT'
              ? person('x@x.example', 'x')
              : method === 'PATCH'
                ? { Operations: [{ op: 'replace', value: { active: false } }] }
                : undefined,
          ),
        ).rejects.toThrow(/: 404 /);
      const found = await send<Listed>(tenant, 'GET', `/Users?filter=${encodeURIComponent(`id eq "${foreign}"`)}`);
      expect(found.totalResults).toBe(0);
    }

    for (const tenant of tenants) {
      const [mixed] = await stack.query<{ n: number }>(
        `select count(*)::int as n from bus.event_log where topic like 'directory.%' and (
         (tenant = $1 and data #>> '{user,id}' is not null and not (data #>> '{user,id}' = any($2)))
         or (tenant <> $1 and data #>> '{user,id}' = any($2)) or key <> tenant || ':' || subject)`,
        [tenant.id, [...tenant.people.values()]],
      );
      expect(mixed?.n).toBe(0);
      for (const [n, id] of [...tenant.people]
        .sort(([a], [b]) => a.localeCompare(b))
        .map(([, userId], i) => [i, userId] as const)) {
        const expected = n % 2 === 0 ? 'itsm_agent' : 'viewer';
        const user = await until(
          `${tenant.slug} person ${n} in Cognito`,
          async () => {
            const seen = await cognitoUser(id);
            return seen?.groups.join() === expected ? seen : undefined;
          },
          30_000,
        );
        expect(user.attributes['custom:tenant_id']).toBe(tenant.id);
        expect(user.attributes['custom:external_id']).toBe(`00uSAME${n}`);
      }
    }
    const [accounts] = await stack.query<{ n: number }>(
      `select count(*)::int as n from identity.account where tenant = any($1)`,
      [tenants.map((t) => t.id)],
    );
    expect(accounts?.n).toBe(TENANTS * PEOPLE);
  }, 120_000);

  async function cognitoUser(
    username: string,
  ): Promise<{ groups: string[]; attributes: Record<string, string> } | undefined> {
    const [row] = await stack.query<{ groups: string[]; attributes: Record<string, string> }>(
      `select u.attributes, coalesce((select array_agg(g.group_name order by g.group_name) from sandbox.cognito_membership g where g.pool_id = u.pool_id and g.username_key = u.username_key), '{}') as groups
     from sandbox.cognito_user u where u.username = $1`,
      [username],
    );
    return row;
  }
}
