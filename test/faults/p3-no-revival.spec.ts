/**
 * Promise P3, no revival, with the real services. Administrators of Okta assign, unassign, suspend and unsuspend a few
 * hundred people. identity-service and deactivation-worker are killed with SIGKILL again and again; the clock of the
 * worker is five minutes wrong. Cognito has faults and then fails completely. A guarded service checks old tokens all
 * the time. In the end all parts agree about every person. Repeat a run with P3_SEED.
 */
import { jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/waiting.js';
import { TestStack } from '../support/stack.js';
import { hubOf, TESTER } from '../support/tenant-command.js';
import { Crowd, isOut, type Member } from './crowd.js';
import { seeded } from '../support/random.js';
import { TokenWatch } from './token-watch.js';
import { WAITING } from './waiting.js';
import { wrongClock } from './wrong-clock.js';

const PEOPLE = 150;
/** The number of concurrent pushes by Okta, about different people. */
const HANDS = 4;
const NOISE_MS = 15_000;
const OUTAGE_MS = 3_000;
const LIMIT_MS = 120_000;
/** The launcher stops restarting a service that dies more often. */
const KILLS_EACH = 4;
const VICTIMS = ['deactivation-worker', 'identity-service'] as const;

interface Seen {
  readonly id: string;
  readonly directory: boolean;
  readonly account: string | null;
  readonly desiredAccess: string | null;
  readonly published: string | null;
  readonly announced: string | null;
  readonly enabled: boolean | null;
}

/** The state of every person in each part; `announced` = the last event on identity.access. */
const EVERYBODY = `
  select u.id, u.active as directory, a.status as account, p.desired_access as "desiredAccess", p.published_status as published, c.enabled,
         (select l.data ->> 'status' from bus.event_log l where l.topic = 'identity.access' and l.subject = u.id::text order by l.sequence desc limit 1) as announced
    from directory.users u
    left join identity.account a on a.id = u.id
    left join offboarding.person p on p.id = u.id
    left join sandbox.cognito_user c on c.username = u.id::text`;

const TROUBLE = [
  { effect: 'latency', ms: 20, probability: 0.5 },
  // A call that takes effect after its process died and another process took over.
  { effect: 'latency', ms: 3_500, probability: 0.06 },
  { effect: 'throttle', probability: 0.06 },
  { effect: 'error', probability: 0.05 },
  { effect: 'drop', probability: 0.05 },
  { effect: 'disconnect', probability: 0.03 },
];

jest.setTimeout(6 * 60_000);

describe('P3 No revival', () => {
  const seed = Number(process.env.P3_SEED ?? Math.floor(Math.random() * 2 ** 31));
  const random = seeded(seed);
  let stack: TestStack;
  let watch: TokenWatch;
  let crowd: Crowd;

  beforeAll(async () => {
    console.log(`P3_SEED=${seed}`);
    stack = await TestStack.start({
      serviceEnv: {
        'deactivation-worker': { WORKER_LEASE_SECONDS: '2', ...wrongClock },
        'identity-service': { RECONCILER_LEASE_SECONDS: '2' },
        sandbox: { SANDBOX_COGNITO_QUOTAS: QUOTAS },
      },
    });
    // A brake depends on the order of the pushes, and not only on the final state in Okta.
    await hubOf(stack).configure('default', { settings: { brake: null }, by: TESTER });
    watch = await TokenWatch.start(stack.description.postgres);
    crowd = new Crowd(stack, random);
    await crowd.hire(PEOPLE);
    await quiet();
  }, 240_000);
  afterAll(async () => {
    await (watch as TokenWatch | undefined)?.stop();
    await (stack as TestStack | undefined)?.stop();
  });

  it('holds in every store, cache and token path at every moment', async () => {
    for (const { id } of crowd.members) watch.issue(id);
    await Promise.all([pushes(), kills(), trouble()]);
    await noFaults();
    await quiet();
    await compareWithOkta();
    await quiet();
    await expectAgreement();
    console.log(`${crowd.pushes} pushes, ${watch.fences.size} people fenced, ${watch.accepted} tokens accepted`);
    expect(watch.fences.size).toBeGreaterThan(10);
    expect([watch.accepted > 0, watch.refused > 0]).toEqual([true, true]);
    expect(watch.revived).toEqual([]);
  });

  it('ends access once after a hundred copies of one event, and not after an outdated event', async () => {
    const member = crowd.members.find((m) => !isOut(m));
    if (!member) throw new Error('everybody is out');
    const before = await casesOf(member);
    const [row] = await stack.query<{ user: string }>(
      'select external_id as user from offboarding.person where id = $1',
      [member.id],
    );
    await stack.okta('suspend', { login: member.login });
    const body = hook(row?.user ?? '');
    for (let left = 100; left > 0; left -= 10) await Promise.all(Array.from({ length: 10 }, () => deliver(body)));
    await becomes(member, 'inactive');
    expect(await casesOf(member)).toBe(before + 1);
    await stack.okta('unsuspend', { login: member.login });
    await becomes(member, 'active');
    // The current state in Okta decides, not the event.
    await deliver(body);
    await deliver(hook(row?.user ?? ''));
    await quiet();
    await becomes(member, 'active');
    expect(await casesOf(member)).toBe(before + 1);
  });

  async function pushes(): Promise<void> {
    const end = Date.now() + NOISE_MS;
    const hand = async (): Promise<void> => {
      while (Date.now() < end) {
        const member = await crowd.change();
        if (member && !isOut(member)) watch.issue(member.id);
        await sleep(60);
      }
    };
    await Promise.all(Array.from({ length: HANDS }, hand));
  }

  async function kills(): Promise<void> {
    const end = Date.now() + NOISE_MS;
    let lives = 0;
    for (; lives < KILLS_EACH * VICTIMS.length && Date.now() < end; lives++) {
      await sleep(700 + random() * 1_500);
      await kill(VICTIMS[lives % VICTIMS.length] ?? '');
    }
    expect(lives).toBeGreaterThanOrEqual(VICTIMS.length);
  }

  async function kill(victim: string): Promise<void> {
    const { pid } = stack.description.services[victim] ?? { pid: 0 };
    stack.kill(victim);
    const reborn = (): boolean => (stack.description.services[victim]?.pid ?? pid) !== pid;
    await until(`the next ${victim}`, reborn, LIMIT_MS);
    await stack.ready(victim, LIMIT_MS);
  }

  /** Most calls fail; then, in the middle of it, all calls fail: an outage of ten minutes, shortened. */
  async function trouble(): Promise<void> {
    for (const rule of TROUBLE) await cognito('POST', 'faults', rule);
    await sleep(NOISE_MS / 2);
    await cognito('POST', 'faults', { effect: 'disconnect' });
    await sleep(OUTAGE_MS);
    await noFaults();
    for (const rule of TROUBLE) await cognito('POST', 'faults', rule);
  }

  async function cognito(method: string, what: string, body?: unknown): Promise<void> {
    const answer = await fetch(`${stack.description.sandbox.cognito}/sandbox/${what}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    if (!answer.ok) throw new Error(`${method} ${what}: ${answer.status} ${await answer.text()}`);
  }
  const noFaults = (): Promise<void> => cognito('DELETE', 'faults');

  async function quiet(): Promise<void> {
    let waiting: string | null | undefined;
    const look = async (): Promise<boolean> => {
      const [row] = await stack.query<{ waiting: string | null }>(WAITING);
      const asking = await stack.query('select user_id from offboarding.okta_check');
      waiting = row?.waiting ?? (asking.length > 0 ? `${asking.length} requests to Okta` : null);
      return waiting === null;
    };
    await until('quiet', look, LIMIT_MS).catch((error: unknown) => {
      const lines = VICTIMS.flatMap((name) => stack.logOf(name).slice(-5));
      throw new Error(`${String(error)}: ${waiting}\n${lines.join('\n')}`);
    });
  }

  /** Okta repeats a delivery once. The comparison finds what Okta sent while the worker was down. */
  async function compareWithOkta(): Promise<void> {
    const url = `${stack.description.services['deactivation-worker']?.url}/internal/tenants/${stack.tenant.id}/okta/comparison`;
    const { callers } = secrets();
    const headers = { authorization: `Bearer cli.${callers.cli}` };
    expect((await fetch(url, { method: 'POST', headers })).status).toBe(202);
    const done = async (): Promise<string | undefined> => {
      const { state } = (await (await fetch(url, { headers })).json()) as { state: string };
      return state === 'running' ? undefined : state;
    };
    expect(await until('compared with Okta', done, LIMIT_MS)).toBe('done');
  }

  async function expectAgreement(): Promise<void> {
    // A token issued in the second in which access came back is refused. Wait until that second is over.
    const lastFence = Math.max(...watch.fences.values(), Date.now());
    await until('the next second', () => Date.now() > lastFence + 3_000, LIMIT_MS);
    const rows = new Map((await stack.query<Seen>(EVERYBODY)).map((row) => [row.id, row]));
    for (const { id } of crowd.members) watch.issue(id);
    const wrong: unknown[] = [];
    for (const member of crowd.members) {
      const out = isOut(member);
      const { directory, account, desiredAccess, published, announced, enabled } =
        rows.get(member.id) ?? ({} as Partial<Seen>);
      const status = out ? 'inactive' : 'active';
      const expected = [member.assigned, status, out ? 'disabled' : 'enabled', status, status, !out, !out];
      const admitted = (await watch.admits(member.id)) === true;
      const seen = [directory, account, desiredAccess, published, announced, enabled, admitted];
      // A person who was only suspended stays active in the directory; only the worker publishes the loss of access.
      if (JSON.stringify(seen) !== JSON.stringify(expected)) wrong.push({ ...member, seen, expected });
    }
    expect(wrong).toEqual([]);
    await watch.round();
  }

  const casesOf = async ({ id }: Member): Promise<number> =>
    (await stack.query('select 1 from offboarding.offboarding_case where account_id = $1', [id])).length;

  async function becomes({ id }: Member, status: string): Promise<void> {
    const seen = async (): Promise<boolean> => {
      const sql = 'select p.published_status as status, c.enabled from offboarding.person p';
      const [row] = await stack.query<{ status: string; enabled: boolean }>(
        `${sql} join sandbox.cognito_user c on c.username = p.id::text where p.id = $1`,
        [id],
      );
      return row?.status === status && row.enabled === (status === 'active');
    };
    await until(`${id} ${status}`, seen, LIMIT_MS);
  }

  const secrets = (): { callers: { cli: string }; eventHookSecrets: Record<string, string> } =>
    JSON.parse(fs.readFileSync(path.join(stack.folder, 'secrets.json'), 'utf8'));

  /** Above the limit of deliveries, the answer asks Okta to repeat, and Okta does. */
  async function deliver(body: object): Promise<void> {
    const { slug, id, origin } = stack.tenant;
    const accepted = async (): Promise<boolean> => {
      const answer = await fetch(`${origin}/auth/okta/event-hook/${slug}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: secrets().eventHookSecrets[id] ?? '' },
        body: JSON.stringify(body),
      });
      if (answer.status !== 204 && answer.status !== 503) throw new Error(`hook: ${answer.status}`);
      return answer.status === 204;
    };
    await until('the hook is accepted', accepted, LIMIT_MS);
  }
});

/** An event as Okta delivers it. */
const hook = (userId: string): object => ({
  eventType: 'com.okta.event_hook',
  eventId: randomUUID(),
  data: {
    events: [
      {
        uuid: randomUUID(),
        published: new Date().toISOString(),
        eventType: 'user.lifecycle.suspend',
        target: [{ id: userId, type: 'User', alternateId: 'x@example.com', displayName: 'X' }],
      },
    ],
  },
});

const QUOTAS = JSON.stringify({
  UserCreation: 200,
  UserResourceUpdate: 200,
  UserUpdate: 200,
  UserAccountRecovery: 200,
});
