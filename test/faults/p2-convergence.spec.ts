/**
 * Promise P2, convergence. Random pushes of people, groups and settings. identity-service is a real process that is
 * killed with SIGKILL again and again. Cognito throttles, fails, answers late and loses answers. When the noise stops,
 * the pool equals f(directory, settings) for each person. For each account, the published closings end with what
 * deactivation-worker (played by the test) published. Repeat a run with P2_SEED.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { IdentityRig } from '../support/identity.js';
import { KillableService } from '../support/killable.js';
import { eventually } from '../support/waiting.js';
import { seeded } from '../support/random.js';
import { endTrouble, makeTrouble, Noise } from './noise.js';
import { confirmAll } from '../support/pins.js';

const KILLS = 5;
const NOISE_MS = 10_000;
const PUSHES = 600;
const TROUBLE = 25;
/** A busy machine gets fewer kills, not a longer test. */
const LONGEST_NOISE_MS = 25_000;

describe('P2: when the noise stops, Cognito equals f(directory, settings)', () => {
  let rig: IdentityRig;
  let identity: KillableService;

  beforeAll(async () => {
    rig = await IdentityRig.start();
    identity = new KillableService('identity-service', rig.environment());
  });
  afterAll(async () => {
    await (identity as KillableService | undefined)?.kill();
    await rig.close();
  });

  const failedCalls = async () => (await rig.cognito.calls()).filter((c) => c.outcome !== 'ok' || c.dropped);

  it('through crashes, throttling, failures and lost answers', async () => {
    const seed = Number(process.env.P2_SEED ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`P2_SEED=${seed}`);
    const tenants = [await rig.directory.addTenant({ brake: null }), await rig.directory.addTenant({ brake: null })];
    const noise = new Noise(rig.directory, tenants, seeded(seed));
    await makeTrouble(rig.cognito);
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
      await identity.start();
      await sleep(300 + noise.random() * 1_200);
      await identity.kill();
      kills++;
    }
    await identity.start();
    await pushes;
    // The faults stay after the pushes until enough calls have met them.
    await eventually(async () => expect((await failedCalls()).length).toBeGreaterThanOrEqual(TROUBLE), 60_000);
    await endTrouble(rig.cognito);
    await rig.quiet(80_000).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${identity.complaints}`);
    });

    await confirmAll(rig.admin);
    await rig.quiet(80_000);

    const [all, failed] = [await rig.cognito.calls(), await failedCalls()];
    console.log(
      `${noise.people.length} people, ${noise.groups.length} groups, ${kills} kills, ${all.length} calls to Cognito, ${failed.length} of them failed or lost their answer`,
    );
    expect(kills).toBeGreaterThanOrEqual(2);
    await rig.expectConverged();
    await expectConsistentHistory();
  }, 240_000);

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
    // The last published state must be the true one. Access that was lost comes back only if the directory gives it
    // back.
    const revived = await rig.admin.query(
      `select subject, count(*) as times
         from (select subject, data -> 'account' ->> 'status' as now, lag(data -> 'account' ->> 'status') over (partition by subject order by position) as before
                 from bus.event_log where topic = 'identity.accounts') a
        where before <> 'active' and now = 'active' group by subject
       having count(*) > (select count(*) from bus.event_log l where l.subject = a.subject and l.type = 'com.stackflow.directory.user.reactivated.v2')`,
    );
    expect(revived).toEqual([]);
  }
});
