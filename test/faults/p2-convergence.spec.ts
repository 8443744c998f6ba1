/**
 * P2 Convergence. Random pushes of people, groups and settings; identity-service as a real process that is killed with
 * SIGKILL again and again; a Cognito that throttles, fails, answers late and loses answers. When the noise stops, the
 * pool equals f(directory, settings), person by person, and of each closing was told what deactivation-worker (played) told. Seeded: repeat a run with P2_SEED.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Group, Person, Tenant } from '../identity/directory.js';
import { eventually, Rig } from '../identity/rig.js';

const MAIN = path.resolve(import.meta.dirname, '../../dist/apps/identity-service/src/main.js');
const KILLS = 5;
const NOISE_MS = 10_000;
const PUSHES = 600;
const TROUBLE = 25;
/** A machine that is busy with other things gets fewer kills, not a longer test. */
const LONGEST_NOISE_MS = 25_000;
const NAMES = [
  'StackFlow-Admins',
  'StackFlow-Agents',
  'stackflow-agents',
  'StackFlow-Viewers',
  'Everyone',
  'Night shift',
];
const ROLES = ['super_admin', 'itsm_manager', 'itsm_agent', 'viewer'];

/** mulberry32: small, seedable, good enough to pick what happens next. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Noise {
  readonly people: Person[] = [];
  readonly groups: Group[] = [];

  constructor(
    private readonly rig: Rig,
    private readonly tenants: readonly Tenant[],
    readonly random: () => number,
  ) {}

  pick<T>(from: readonly T[]): T {
    const item = from[Math.floor(this.random() * from.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  /** One push, as an identity provider or an administrator would cause it. */
  async push(): Promise<void> {
    const { directory } = this.rig;
    const dice = this.random();
    if (dice < 0.12 || this.people.length < 10)
      return void this.people.push(await directory.addPerson(this.pick(this.tenants), `p${this.people.length}`));
    if (dice < 0.17 || this.groups.length < 6)
      return void this.groups.push(await directory.addGroup(this.pick(this.tenants), this.pick(NAMES)));
    if (dice < 0.21) return this.configure();
    if (dice < 0.27) return this.onGroup((g) => directory.rename(g, this.pick(NAMES)));
    if (dice < 0.28) return this.onGroup((g) => directory.removeGroup(g));
    return this.onPerson();
  }

  private async onPerson(): Promise<void> {
    const { directory } = this.rig;
    const alive = this.people.filter((p) => !p.deleted);
    const person = this.pick(alive);
    const own = this.groups.filter((g) => g.tenant === person.tenant && !g.deleted);
    const dice = this.random();
    if (dice < 0.5 && own.length > 0) return directory.join(person, this.pick(own));
    if (dice < 0.75 && own.length > 0) return directory.leave(person, this.pick(own));
    if (dice < 0.87) return directory.setActive(person, !person.active);
    if (dice < 0.98) return directory.update(person, { displayName: `Name ${Math.floor(this.random() * 1e6)}` });
    return directory.remove(person);
  }

  private async onGroup(work: (group: Group) => Promise<void>): Promise<void> {
    const alive = this.groups.filter((g) => !g.deleted);
    if (alive.length > 0) await work(this.pick(alive));
  }

  private configure(): Promise<void> {
    const tenant = this.pick(this.tenants);
    const names = NAMES.filter(() => this.random() < 0.6);
    return this.rig.directory.configure(tenant, {
      deactivateOnOffboard: this.random() < 0.7,
      roleMappings: names.map((name) => ({ group: { name }, role: this.pick(ROLES) })),
    });
  }
}

describe('P2: when the noise stops, Cognito equals f(directory, settings)', () => {
  let rig: Rig;
  let child: ChildProcess | null = null;
  let output = '';

  beforeAll(async () => {
    if (!existsSync(MAIN)) throw new Error(`${MAIN} is not there: build first ("npm run build"); "npm test" does`);
    rig = await Rig.start();
  });
  afterAll(async () => {
    if (child) await kill();
    await rig.close();
  });

  /** Resolves when the process works (or after ten seconds: then it is killed while it starts, which is as good). */
  async function startProcess(): Promise<void> {
    const env = {
      PATH: process.env.PATH,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      ...rig.environment({ LOG_LEVEL: 'info' }),
    };
    child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (chunk: Buffer) => (output = (output + chunk.toString()).slice(-20_000));
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    output = '';
    for (let i = 0; i < 200 && !output.includes('"msg":"listening"'); i++) await sleep(50);
  }

  async function kill(): Promise<void> {
    const dying = child;
    child = null;
    if (!dying || dying.exitCode !== null) return;
    dying.kill('SIGKILL');
    await once(dying, 'exit');
  }

  async function makeTrouble(): Promise<void> {
    await rig.cognito.quotas({ UserCreation: 60, UserResourceUpdate: 60, UserUpdate: 60, UserAccountRecovery: 60 });
    await rig.cognito.fault({ effect: 'latency', ms: 15, probability: 0.5 });
    await rig.cognito.fault({ effect: 'throttle', probability: 0.08 });
    await rig.cognito.fault({ effect: 'error', probability: 0.06 });
    await rig.cognito.fault({ effect: 'drop', probability: 0.06 });
    await rig.cognito.fault({ effect: 'disconnect', probability: 0.04 });
  }

  const failedCalls = async () => (await rig.cognito.calls()).filter((c) => c.outcome !== 'ok' || c.dropped);

  it('through crashes, throttling, failures and lost answers', async () => {
    const seed = Number(process.env.P2_SEED ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`P2_SEED=${seed}`);
    const tenants = [await rig.directory.addTenant({ brake: null }), await rig.directory.addTenant({ brake: null })];
    const noise = new Noise(rig, tenants, seeded(seed));
    await makeTrouble();
    let kills = 0;
    const began = Date.now();
    const noisy = (): boolean =>
      Date.now() < began + NOISE_MS || (kills < KILLS && Date.now() < began + LONGEST_NOISE_MS);
    const pushes = (async () => {
      for (let pushed = 0; noisy() && pushed < PUSHES; pushed += 4) {
        for (let i = 0; i < 4; i++) await noise.push();
        await sleep(60);
      }
    })();
    while (noisy()) {
      await startProcess();
      await sleep(300 + noise.random() * 1_200);
      await kill();
      kills++;
    }
    await startProcess();
    await pushes;
    // The trouble outlasts the pushes, until enough calls have met it.
    await eventually(async () => expect((await failedCalls()).length).toBeGreaterThanOrEqual(TROUBLE), 15_000);
    await rig.cognito.noFaults();
    await rig.cognito.quotas({
      UserCreation: 1e6,
      UserResourceUpdate: 1e6,
      UserUpdate: 1e6,
      UserAccountRecovery: 1e6,
      PerUserWrite: 1e6,
      PerUserRead: 1e6,
    });
    await rig.quiet(80_000).catch((error: unknown) => {
      throw new Error(
        `${String(error)}\n${output
          .split('\n')
          .filter((line) => !line.includes('"level":"info"'))
          .join('\n')
          .slice(-3_000)}`,
      );
    });

    const [all, failed] = [await rig.cognito.calls(), await failedCalls()];
    console.log(
      `${noise.people.length} people, ${noise.groups.length} groups, ${kills} kills, ${all.length} calls to Cognito, ${failed.length} of them failed or lost their answer`,
    );
    expect(kills).toBeGreaterThanOrEqual(2);
    await rig.expectConverged();
    await expectConsistentHistory();
  }, 150_000);

  async function expectConsistentHistory(): Promise<void> {
    const wrongGrants = await rig.admin.query(
      `select a.id, a.roles, g.open from identity.account a
         cross join lateral (select coalesce(array_agg(role order by role), '{}') as open from identity.role_grant where account_id = a.id and revoked_at is null) g
        where g.open is distinct from (select coalesce(array_agg(r order by r), '{}') from unnest(a.roles) r)`,
    );
    expect(wrongGrants).toEqual([]);
    const wrongSequences = await rig.admin.query(
      `select * from (select topic, subject, sequence, row_number() over (partition by topic, subject order by position) as wanted
                        from bus.event_log where topic = 'identity.accounts') e where sequence <> wanted`,
    );
    expect(wrongSequences).toEqual([]);
    // What was told ends with what is so, and access that was lost comes back only by the directory.
    const revived = await rig.admin.query(
      `select subject, count(*) as times
         from (select subject, data -> 'account' ->> 'status' as now, lag(data -> 'account' ->> 'status') over (partition by subject order by position) as before
                 from bus.event_log where topic = 'identity.accounts') a
        where before <> 'active' and now = 'active' group by subject
       having count(*) > (select count(*) from bus.event_log l where l.subject = a.subject and l.type = 'com.stackflow.directory.user.reactivated.v1')`,
    );
    expect(revived).toEqual([]);
  }
});
