/**
 * Measures what a loud tenant costs another one: the time from Okta's PATCH to the fence of people of a calm tenant,
 * first without other load, then while the loud tenant floods the gateway with membership changes and the log with role
 * changes. Both times are those of the cases: `fenced_at - pushed_at`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ROLE_CHANGES as ROLE_CHANGES_SQL } from '../../test/support/role-changes.js';
import { until } from '../../test/support/waiting.js';
import { Connection, type Target } from '../connection.js';
import type { CreateResult, OffboardResult } from '../generator.js';
import type { Program } from '../program.js';
import type { Stack } from '../stack.js';
import { spread, type Spread } from '../statistics.js';

export const PER_SECOND = 10;
const GROUPS = 24;
const MEMBERS = 500;
const CONNECTIONS = 8;
/** Role changes per round of the flood; a round follows when the last one's requests are answered. */
const ROLE_CHANGES = 20_000;
const LIMIT_MS = 300_000;

export interface WallsResult {
  readonly carrier: string;
  readonly people: number;
  readonly quiet: Spread;
  readonly flooded: Spread;
  /** Events of the loud tenant that waited when the last person of the calm tenant was deactivated. */
  readonly waiting: number;
  readonly requests: number;
}

interface Plan {
  readonly stack: Stack;
  readonly calm: Target;
  readonly loud: Target & { readonly tenant: string };
  readonly generator: Program;
  readonly seconds: number;
  readonly say: (text: string) => void;
}

export async function measureWalls({ stack, calm, loud, generator, seconds, say }: Plan): Promise<WallsResult> {
  const people = PER_SECOND * seconds;
  say(`${2 * people} people of the calm tenant and ${MEMBERS} of the loud tenant get access`);
  const create = (target: Target, count: number): Promise<CreateResult> =>
    generator.ask<CreateResult>({ kind: 'people', target, people: count, connections: 4 });
  const { ids } = await create(calm, 2 * people);
  const crowd = (await create(loud, MEMBERS)).ids;
  const groups = await createGroups(loud, crowd);
  await haveAccess(stack, [...ids, ...crowd]);
  say(`${PER_SECOND} offboardings per second for ${seconds} s`);
  const quiet = await offboard(stack, calm, generator, ids.slice(0, people));
  say('the same while the loud tenant floods');
  const flood = new Flood(stack, loud, crowd, groups);
  await sleep(2_000);
  const flooded = await offboard(stack, calm, generator, ids.slice(people));
  const waiting = await flood.waiting();
  const requests = await flood.end();
  return { carrier: stack.followJob.carrier, people, quiet, flooded, waiting, requests };
}

async function createGroups(target: Target, members: readonly string[]): Promise<string[]> {
  const connection = await Connection.open(target);
  const ids: string[] = [];
  for (let n = 0; n < GROUPS; n++) {
    const schemas = ['urn:ietf:params:scim:schemas:core:2.0:Group'];
    const group = { schemas, displayName: `Crowd ${n}`, members: members.map((value) => ({ value })) };
    const { status, body } = await connection.send('POST', '/Groups', JSON.stringify(group));
    if (status !== 201) throw new Error(`a group was answered ${status}: ${body.toString()}`);
    ids.push((JSON.parse(body.toString()) as { id: string }).id);
  }
  connection.close();
  return ids;
}

async function haveAccess(stack: Stack, ids: readonly string[]): Promise<void> {
  const all = async (): Promise<boolean> => {
    const [row] = await stack.sql<{ n: number }>(
      'stackflow',
      `select count(*)::int as n from offboarding.person where published_status = 'active' and provisioned and id = any($1::uuid[])`,
      [ids],
    );
    return row?.n === ids.length;
  };
  await until('all people have access', all, LIMIT_MS, 500);
}

async function offboard(stack: Stack, target: Target, generator: Program, ids: readonly string[]): Promise<Spread> {
  const job = { kind: 'offboard', target, connections: 4, perSecond: PER_SECOND, ids };
  const { wrong, example } = await generator.ask<OffboardResult>(job);
  if (wrong > 0) throw new Error(`${wrong} of ${ids.length} deactivations failed, e.g. ${example}`);
  const closings = async (): Promise<number[] | false> => {
    const rows = await stack.sql<{ ms: number }>(
      'stackflow',
      `select extract(epoch from fenced_at - pushed_at)::float8 * 1000 as ms from offboarding.offboarding_case
        where fenced_at is not null and account_id = any($1::uuid[])`,
      [ids],
    );
    return rows.length === ids.length && rows.map(({ ms }) => ms);
  };
  return spread(await until('everybody is fenced', closings, LIMIT_MS, 500));
}

/** Sends requests and role changes of the loud tenant until it is ended. */
class Flood {
  private ended = false;
  private requests = 0;
  private sequence = 1_000;
  private readonly running: Promise<void>;

  constructor(
    private readonly stack: Stack,
    private readonly target: Target & { readonly tenant: string },
    private readonly crowd: readonly string[],
    private readonly groups: readonly string[],
  ) {
    this.running = this.run();
    this.running.catch(() => undefined);
  }

  async end(): Promise<number> {
    this.ended = true;
    await this.running;
    return this.requests;
  }

  /** Events that are stored and not published, and role changes that deactivation-worker has not handled. */
  async waiting(): Promise<number> {
    const [row] = await this.stack.sql<{ n: number }>(
      'stackflow',
      `select ((select count(*) from directory.outbox) + (select count(*) from identity.outbox) + (select count(*) from offboarding.deferred_event)
         + (select coalesce(sum(greatest(0, $2::int - coalesce(i.sequence, 0))), 0) from unnest($1::text[]) as k(key)
            left join offboarding.inbox i on i.consumer_group = 'deactivation-worker' and i.topic = 'identity.accounts' and i.key = k.key))::int as n`,
      [this.crowd.map((id) => `${this.target.tenant}:${id}`), this.sequence],
    );
    return row?.n ?? 0;
  }

  private async run(): Promise<void> {
    const members = this.crowd.map((value) => ({ value }));
    const operations = [
      { op: 'remove', path: 'members' },
      { op: 'add', path: 'members', value: members },
    ];
    for (let round = 0; !this.ended; round++) {
      const body = JSON.stringify({ Operations: [operations[round % 2]] });
      await this.changeRoles();
      await Promise.all(
        Array.from({ length: CONNECTIONS }, async (_, lane) => {
          for (let n = lane; n < this.groups.length && !this.ended; n += CONNECTIONS)
            await this.patch(this.groups[n] ?? '', body);
        }),
      );
    }
  }

  private async patch(group: string, body: string): Promise<void> {
    const { url, token } = this.target;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' };
    const { status } = await fetch(`${url}/Groups/${group}`, { method: 'PATCH', headers, body });
    if (status !== 204 && status !== 200 && status !== 503)
      throw new Error(`a PATCH of a group was answered ${status}`);
    this.requests++;
  }

  /** Stores role changes as identity-service would publish them after a change of many mappings. */
  private async changeRoles(): Promise<void> {
    const each = ROLE_CHANGES / this.crowd.length;
    await this.stack.sql('stackflow', ROLE_CHANGES_SQL, [this.target.tenant, this.crowd, this.sequence, each]);
    this.sequence += each;
  }
}
