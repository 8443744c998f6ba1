/**
 * Measures the largest requests that one tenant may send, and what another tenant notices of them: lists of groups, hostile
 * bodies, filters that no index serves, and the first push of a group with 90,000 members while other programs use both cores.
 */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { ROOT } from '../../tools/local/folder.js';
import { until } from '../../test/support/waiting.js';
import type { ClosedResult } from '../generator.js';
import type { Program } from '../program.js';
import { scimTarget, type Service, type Stack } from '../stack.js';

export const MEMBERS = 90_000;
export const LIST = { groups: 440, members: 500, atOnce: 6 } as const;
const QUIET_SECONDS = 5;
/** Okta waits a minute. */
const ANSWER_LIMIT_MS = 120_000;

export interface LargeStep {
  readonly what: string;
  /** The status and time of each request. */
  readonly answers: readonly { readonly status: number; readonly ms: number }[];
  /** Longest time for which the gateway's event loop was held. */
  readonly heldMs: number;
  /** Most memory of the gateway's process in MB. */
  readonly rssMb: number;
  /** The other tenant's lookups, one after the other. */
  readonly other: ClosedResult;
}

export interface LargeOptions {
  readonly stack: Stack;
  readonly gateway: Service;
  readonly generator: Program;
  readonly tokens: { readonly large: string; readonly other: string };
  readonly say: (text: string) => void;
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

export async function measureLarge({ stack, gateway, generator, tokens, say }: LargeOptions): Promise<LargeStep[]> {
  const other = scimTarget(gateway, tokens.other);
  const base = `${gateway.url}/scim/v2`;
  const tenant = await until('the gateway knows the tenant', async () => {
    const rows = await stack.sql<{ id: string }>(
      'stackflow',
      "select tenant_id as id from directory.tenant_settings where slug = 'large'",
    );
    return rows[0]?.id;
  });
  say(`storing ${MEMBERS} users`);
  const people = await storePeople(stack, tenant);
  const steps: LargeStep[] = [];

  const send = async ({ method, path: at, body }: Request): Promise<{ status: number; ms: number }> => {
    const began = performance.now();
    const answer = await fetch(base + at, {
      method,
      headers: { authorization: `Bearer ${tokens.large}`, 'content-type': 'application/scim+json' },
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
      ...(body !== undefined && { body }),
    });
    for await (const _ of answer.body ?? []); // reads the answer as fast as it comes
    return { status: answer.status, ms: performance.now() - began };
  };
  const lookups = (seconds: number) =>
    generator.ask<ClosedResult>({ kind: 'closed', target: other, operation: 'lookup', connections: 1, seconds });
  const measure = async (what: string, requests: readonly Request[], seconds = QUIET_SECONDS): Promise<void> => {
    say(what);
    await heldSeconds(gateway); // begins a new measurement
    const memory = watchMemory(gateway.program);
    const quiet = lookups(seconds);
    const answers = await Promise.all(requests.map(send));
    const result = await quiet;
    steps.push({ what, answers, heldMs: (await heldSeconds(gateway)) * 1_000, rssMb: memory(), other: result });
  };

  await generator.ask({ kind: 'closed', target: other, operation: 'create', connections: 1, seconds: 5, limit: 1 });
  await measure('nothing else', []);
  const keys = Array.from({ length: 400_000 }, (_, n) => `"k${n}":"0"`).join();
  await measure('POST /Users with 400,000 unknown keys (6 MB)', [
    { method: 'POST', path: '/Users', body: `{"userName":"k@x.example",${keys}}` },
  ]);
  await measure('POST /Groups with 400,000 unknown keys (6 MB)', [
    { method: 'POST', path: '/Groups', body: `{"displayName":"k",${keys}}` },
  ]);
  await measure('POST /Groups with 4 MB of "["', [{ method: 'POST', path: '/Groups', body: '['.repeat(4_000_000) }]);
  const terms = Array.from({ length: 20 }, (_, n) => `displayName co "zz${n}"`).join(' or ');
  await measure(
    `20 filters at once, each 20 times co over ${MEMBERS.toLocaleString('en')} users`,
    new Array<Request>(20).fill({ method: 'GET', path: `/Users?filter=${encodeURIComponent(terms)}` }),
  );
  await storeGroups(stack, tenant);
  await measure(
    `${LIST.atOnce} times GET /Groups?count=1000 with ${LIST.groups} groups of ${LIST.members} members`,
    new Array<Request>(LIST.atOnce).fill({ method: 'GET', path: '/Groups?count=1000' }),
  );

  const burners = Array.from({ length: availableParallelism() }, (_, n) =>
    stack.run({ name: `burn-${n}`, entry: path.join(ROOT, 'dist/bench/burn.js') }),
  );
  const group = await createGroup(base, tokens.large);
  const members = people.map(({ id, name }) => ({ value: id, display: name }));
  const body = JSON.stringify({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
    displayName: 'Everyone',
    members,
  });
  const put = { method: 'PUT', path: `/Groups/${group}`, body };
  const size = `${(body.length / 1e6).toFixed(1)} MB`;
  await measure(`first PUT of ${MEMBERS.toLocaleString('en')} members (${size}), all cores busy`, [put], 15);
  await measure('the same PUT again, all cores busy', [put], 10);
  await measure('GET of that group, all cores busy', [{ method: 'GET', path: `/Groups/${group}` }], 10);
  for (const burner of burners) await burner.stop();
  return steps;
}

async function storePeople(stack: Stack, tenant: string): Promise<{ id: string; name: string }[]> {
  await stack.sql(
    'stackflow',
    `insert into directory.users (tenant_id, id, user_name, user_name_key, external_id, active, email, resource, version, created_at, updated_at, created_request)
     select $1, gen_random_uuid(), p.name, p.name, '00u' || n, true, p.name,
       jsonb_build_object('userName', p.name, 'externalId', '00u' || n, 'active', true, 'displayName', 'Wilhelmina Featherstonehaugh ' || n,
         'name', jsonb_build_object('givenName', 'Wilhelmina', 'familyName', 'Featherstonehaugh ' || n),
         'emails', jsonb_build_array(jsonb_build_object('value', p.name, 'type', 'work', 'primary', true))), 1, now(), now(), gen_random_uuid()
     from generate_series(1, $2::int) n, lateral (select 'wilhelmina.featherstonehaugh.' || n || '@example.com' as name) p`,
    [tenant, MEMBERS],
  );
  await stack.sql('stackflow', 'analyze directory.users');
  return stack.sql('stackflow', 'select id, user_name as name from directory.users where tenant_id = $1', [tenant]);
}

async function storeGroups(stack: Stack, tenant: string): Promise<void> {
  await stack.sql(
    'stackflow',
    `insert into directory.groups (tenant_id, id, display_name, display_name_key, version, created_at, updated_at)
     select $1, gen_random_uuid(), 'Group ' || n, 'group ' || n, 1, now(), now() from generate_series(1, $2::int) n`,
    [tenant, LIST.groups],
  );
  await stack.sql(
    'stackflow',
    `insert into directory.members (tenant_id, group_id, user_id)
     select $1, g.id, u.id from directory.groups g,
       (select id from directory.users where tenant_id = $1 order by id limit $2) u where g.tenant_id = $1`,
    [tenant, LIST.members],
  );
  await stack.sql('stackflow', 'analyze directory.groups, directory.members');
}

async function createGroup(base: string, token: string): Promise<string> {
  const answer = await fetch(`${base}/Groups`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    body: JSON.stringify({ displayName: `Everyone ${randomUUID()}` }),
  });
  return ((await answer.json()) as { id: string }).id;
}

/** Returns the longest time for which the event loop was held since the last call. */
async function heldSeconds(gateway: Service): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  return Number(/^nodejs_eventloop_lag_max_seconds\S* (\S+)$/m.exec(text)?.[1] ?? Number.NaN);
}

/** Reads the memory of a process every 20 ms. The returned function ends this and returns the most in MB. */
function watchMemory({ pid }: Program): () => number {
  let most = 0;
  const read = (): void => {
    const kib = /^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    most = Math.max(most, Number(kib ?? 0) / 1_024);
  };
  const timer = setInterval(read, 20);
  return () => {
    clearInterval(timer);
    read();
    return most;
  };
}
