/**
 * Promises P2 and P3 with the real deactivation-worker. Random pushes and settings. identity-service and the worker are
 * real processes that are killed with SIGKILL again and again. Cognito has faults. When the noise stops, Cognito equals
 * f(directory, settings): the enabled flag, roles, and what services learned. Repeat a run with P2_SEED.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from '#platform';
import { deriveRoles } from '../../apps/identity-service/src/accounts/derive-roles.js';
import { Cognito, type PoolView } from '../support/identity-cognito.js';
import { DirectoryApi } from '../support/directory-api.js';
import { Directory, type Person } from '../support/identity-directory.js';
import { credentialOf } from '../support/internal-api.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { until } from '../support/waiting.js';
import { KillableService } from '../support/killable.js';
import { seeded } from '../support/random.js';
import { confirmAll, readPins, withPins, type Pins } from '../support/pins.js';
import { endTrouble, makeTrouble, Noise } from './noise.js';
import { WAITING } from './waiting.js';
import { ownQuotas } from '../support/quotas.js';

const KILLS = 8;
const NOISE_MS = 12_000;
const PUSHES = 500;
/** A busy machine gets fewer kills, not a longer test. */
const LONGEST_NOISE_MS = 30_000;
const QUIET_LIMIT_MS = 120_000;

interface Known {
  readonly id: string;
  readonly desiredAccess: 'enabled' | 'disabled';
  readonly status: string;
  readonly roles: readonly string[];
  readonly published: string;
  readonly publishedRoles: readonly string[];
}

describe('P2 with offboarding: when the noise stops, Cognito equals f(directory, settings)', () => {
  let test: TestDatabase;
  let admin: Database;
  let pins: Pins = new Map();
  let cognito: Cognito;
  let directory: Directory;
  let directoryApi: DirectoryApi;
  let services: readonly KillableService[] = [];

  beforeAll(async () => {
    test = await createTestDatabase();
    admin = await Database.connect({ url: test.adminUrl, schema: 'offboarding' });
    cognito = await Cognito.start(test);
    directory = await Directory.open(test);
    directoryApi = await DirectoryApi.start(directory);
    services = [
      new KillableService(
        'identity-service',
        environment('identity-service', {
          RECONCILER_LEASE_SECONDS: '2',
          SCIM_GATEWAY_URL: directoryApi.url,
          INTERNAL_API_CREDENTIAL: credentialOf('identity-service'),
        }),
      ),
      new KillableService('deactivation-worker', environment('deactivation-worker', { WORKER_LEASE_SECONDS: '2' })),
    ];
  });
  afterAll(async () => {
    for (const service of services) await service.kill();
    await directoryApi.stop();
    await directory.close();
    await cognito.stop();
    await admin.close();
    await test.drop();
  });

  const environment = (
    name: 'identity-service' | 'deactivation-worker',
    own: Record<string, string>,
  ): Record<string, string> => ({
    DATABASE_URL: test.url(name),
    AWS_REGION: 'us-east-1',
    COGNITO_USER_POOL_ID: cognito.poolId,
    COGNITO_ENDPOINT: cognito.url,
    COGNITO_QUOTA_SHARE: '1',
    COGNITO_QUOTAS: JSON.stringify(ownQuotas(10_000)),
    PORT: '0',
    ...own,
  });

  it('through crashes of both services, throttling, failures and lost answers', async () => {
    const seed = Number(process.env.P2_SEED ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`P2_SEED=${seed}`);
    // Without a brake, because the brake depends on the time of each push and not only on the directory.
    const tenants = [await directory.addTenant({ brake: null }), await directory.addTenant({ brake: null })];
    const noise = new Noise(directory, tenants, seeded(seed));
    await makeTrouble(cognito);
    for (const service of services) await service.start();
    const began = Date.now();
    let kills = 0;
    const noisy = (): boolean =>
      Date.now() < began + NOISE_MS || (kills < KILLS && Date.now() < began + LONGEST_NOISE_MS);
    const pushes = (async () => {
      for (let pushed = 0; noisy() && pushed < PUSHES; pushed += 4) {
        for (let i = 0; i < 4; i++) await noise.push();
        await sleep(60);
      }
    })();
    while (noisy()) {
      await sleep(300 + noise.random() * 900);
      const victim = noise.pick(services);
      await victim.kill();
      kills++;
      await victim.start();
    }
    await pushes;
    await endTrouble(cognito);
    await quiet();
    await confirmAll(admin);
    await quiet();
    console.log(`${noise.people.length} people, ${kills} kills, ${(await cognito.calls()).length} calls to Cognito`);
    expect(kills).toBeGreaterThanOrEqual(2);
    await expectConverged();
    await expectNoRevival();
  }, 240_000);

  async function quiet(): Promise<void> {
    let waiting: string | null | undefined;
    const look = async (): Promise<boolean> => {
      [{ waiting } = { waiting: undefined }] = await admin.query<{ waiting: string | null }>(WAITING);
      return waiting === null;
    };
    await until('quiet', look, QUIET_LIMIT_MS).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${waiting}\n${services.map((s) => s.complaints).join('\n')}`);
    });
  }

  async function expectConverged(): Promise<void> {
    const known = await admin.query<Known>(
      `select p.id, p.desired_access as "desiredAccess", a.status, a.roles, p.published_status as published, p.published_roles as "publishedRoles"
         from offboarding.person p join identity.account a using (id)`,
    );
    const users = await cognito.users();
    pins = await readPins(admin);
    expect(known.map((k) => k.id).sort()).toEqual([...directory.people.keys()].sort());
    const closed = known.filter((k) => k.desiredAccess === 'disabled');
    expect(closed.length).toBeGreaterThan(0);
    expect(closed.length).toBeLessThan(known.length);
    const wrong = known.flatMap((k) => faultsOf(k, users.get(k.id)).map((fault) => `${k.id}: ${fault}`));
    expect(wrong).toEqual([]);
  }

  function faultsOf(known: Known, user: PoolView | undefined): string[] {
    const person = directory.people.get(known.id);
    const settings = directory.tenants.get(person?.tenant ?? '')?.settings;
    if (!person || !settings) return ['no person of the directory'];
    const faults: string[] = [];
    const expectEqual = (what: string, is: unknown, should: unknown): void => {
      if (JSON.stringify(is) !== JSON.stringify(should))
        faults.push(`${what} is ${JSON.stringify(is)} instead of ${JSON.stringify(should)}`);
    };
    const desired = desiredAccessOf(person, settings.deactivateOnOffboard);
    if (desired !== null) expectEqual('desired access', known.desiredAccess, desired);
    const shut = person.deleted ? 'removed' : 'inactive';
    expectEqual('access published to services', known.published, known.desiredAccess === 'enabled' ? 'active' : shut);
    if (known.desiredAccess === 'disabled' || person.active)
      expectEqual('account', known.status, known.desiredAccess === 'enabled' ? 'active' : shut);
    const groups = person.groups.flatMap((id) => withPins(directory.groups.get(id), pins));
    const roles = known.status === 'active' ? deriveRoles(groups, settings) : [];
    expectEqual('roles', known.roles, roles);
    expectEqual('roles published to services', known.publishedRoles, roles);
    if (user) {
      expectEqual('enabled', user.enabled, known.desiredAccess === 'enabled');
      expectEqual('groups', user.groups, [...roles].sort());
    } else if (known.status === 'active') faults.push('is missing in Cognito');
    return faults;
  }

  /** Null = inactive, and the settings of the tenant leave access unchanged. */
  function desiredAccessOf(person: Person, deactivateOnOffboard: boolean): Known['desiredAccess'] | null {
    if (person.deleted) return 'disabled';
    if (person.active) return 'enabled';
    return deactivateOnOffboard ? 'disabled' : null;
  }

  async function expectNoRevival(): Promise<void> {
    const gaps = await admin.query(
      `select * from (select topic, subject, sequence, row_number() over (partition by topic, subject order by position) as wanted
                        from bus.event_log where topic in ('identity.access', 'offboarding.cases')) e where sequence <> wanted`,
    );
    expect(gaps).toEqual([]);
    // Access comes back at most as often as the directory gave it back. The fence never moves backward.
    const access = `select subject, position, data ->> 'status' as now, (data ->> 'notBefore')::timestamptz as fence,
        lag(data ->> 'status') over history as before, lag((data ->> 'notBefore')::timestamptz) over history as earlier
      from bus.event_log where topic = 'identity.access' window history as (partition by subject order by position)`;
    const revived = await admin.query(
      `select subject, count(*) from (${access}) a where before <> 'active' and now = 'active' group by subject
       having count(*) > (select count(*) from bus.event_log l where l.subject = a.subject and l.type = 'com.stackflow.directory.user.reactivated.v2')`,
    );
    expect(revived).toEqual([]);
    expect(
      await admin.query(
        `select subject from (${access}) a where earlier > fence or (earlier is not null and fence is null)`,
      ),
    ).toEqual([]);
    // A person without access has no refresh token from before: the last sign-out is later than the last fence.
    const unsigned = await admin.query(
      `select p.id, c.fenced_at, u.signed_out_at, p.sign_out_due from person p
         join sandbox.cognito_user u on u.username = p.id::text
         join lateral (select * from offboarding_case where account_id = p.id and state = 'completed' order by fenced_at desc limit 1) c on true
        where p.desired_access = 'disabled' and (u.signed_out_at is null or u.signed_out_at < c.fenced_at - interval '5 milliseconds')`,
    );
    expect(unsigned).toEqual([]);
    const unproven = `select * from offboarding_case where state = 'completed' and (confirmed_at is null or confirmed_at < fenced_at)`;
    expect(await admin.query(unproven)).toEqual([]);
  }
});
