/** What a Universal Logout comes to, with the real deactivation-worker and Cognito behind two replicas of auth-service. */
import { CognitoIdentityProviderClient, GetUserCommand } from '@aws-sdk/client-cognito-identity-provider';
import { decodeJwt } from 'jose';
import { isFenced } from '#access-guard';
import { nowSeconds } from '../guard/issuer.js';
import { Browser, type Answer } from '../support/auth-browser.js';
import { HostileProvider } from '../support/auth-provider.js';
import { back, begin, codeOn, SESSION, signIn as signInWith } from '../support/auth-journey.js';
import { logoutToken, postLogout } from './logout-request.js';
import type { Person } from '../support/auth-people.js';
import { AuthRig, eventually, LOCAL, type Instance } from '../support/auth.js';
import { startWorker, Way } from './worker.js';

const LIMIT_MS = 120_000;

let op: HostileProvider;
let rig: AuthRig;
let worker: Instance;
let way: Way;
let replicas: [Instance, Instance];
let tenant: string;
let cognito: CognitoIdentityProviderClient;

beforeAll(async () => {
  op = await new HostileProvider().start();
  rig = await AuthRig.start(op.origin);
  worker = await startWorker(rig);
  way = await Way.to(worker.url);
  const change = { DEACTIVATION_WORKER_URL: way.url };
  replicas = [await rig.startService(change), await rig.startService(change)];
  tenant = await rig.addTenant('default', null);
  const { AWS_REGION: region = '', COGNITO_ENDPOINT: endpoint = '' } = rig.environment;
  cognito = new CognitoIdentityProviderClient({ region, endpoint });
}, LIMIT_MS);
beforeEach(async () => {
  op.reset();
  way.state = 'open';
  way.arrived.length = 0;
  await rig.noFaults();
});
afterAll(async () => {
  cognito.destroy();
  await way.close();
  await rig.close();
  await worker.stop();
  await op.stop();
});

/** Known to the directory and in the pool; what becomes of the access is for the worker to say. */
async function addPerson(): Promise<Person> {
  const person = rig.people.make(tenant);
  await rig.people.createUser(person);
  await rig.people.publishUser(person);
  await rig.people.publishAccount(person, 'provisioned');
  return person;
}

const browser = (replica: 0 | 1 = 0): Browser => new Browser(replicas[replica].url, LOCAL);
const attempt = (person: Person, b: Browser = browser()): Promise<Answer> => {
  op.sub = person.externalId ?? '';
  return signInWith(op, b);
};
/** Pages that try again by themselves are tried again, as a browser does. */
const signedIn = (person: Person): Promise<Browser> =>
  eventually(async () => {
    const b = browser();
    const answer = await attempt(person, b);
    if (answer.status !== 303) throw new Error(codeOn(answer));
    return b;
  }, LIMIT_MS);
const isIn = async (b: Browser): Promise<boolean> => (await b.get('/auth/session')).status === 200;
const tokenOf = async (b: Browser): Promise<string> =>
  (JSON.parse((await b.get('/auth/session')).body) as { accessToken: string }).accessToken;

const logout = async (person: Person, replica: 0 | 1 = 0): Promise<void> => {
  const body = { sub_id: { format: 'iss_sub', iss: op.origin, sub: person.externalId } };
  const { status } = await postLogout(replicas[replica].url, logoutToken(op), body);
  expect(status).toBe(204);
};
const done = (person: Person, times = 1): Promise<void> =>
  eventually(async () => {
    const rows = await rig.audit(`account_id = $1 and event = 'universal_logout_done'`, [person.id]);
    expect(rows.length).toBeGreaterThanOrEqual(times);
    expect(
      await rig.admin.query('select 1 from auth.account where id = $1 and signing_out is not null', [person.id]),
    ).toEqual([]);
  }, LIMIT_MS);

interface Word {
  readonly status: string;
  readonly notBefore: string | null;
}
const words = async ({ id }: Person): Promise<Word[]> =>
  (
    await rig.admin.query<{ data: Word }>(
      `select data from bus.event_log where topic = 'identity.access' and key = $1 order by sequence`,
      [`${tenant}:${id}`],
    )
  ).map((row) => row.data);
/** As the guard of every service decides by the last word. */
const accepts = async (person: Person, token: string): Promise<boolean> => {
  const last = (await words(person)).at(-1);
  const notBefore = last?.notBefore ? Date.parse(last.notBefore) : null;
  return last?.status === 'active' && !isFenced(decodeJwt(token).iat ?? 0, notBefore);
};
const signOutsOf = async ({ id }: Person): Promise<number> =>
  ((await rig.cognitoCalls('AdminUserGlobalSignOut')) as readonly { subject?: string }[]).filter(
    (call) => call.subject === id,
  ).length;
const worksAtCognito = (token: string): Promise<boolean> =>
  cognito.send(new GetUserCommand({ AccessToken: token })).then(
    () => true,
    () => false,
  );

it(
  'everything from before is refused everywhere, the person keeps her access, and a new login counts',
  async () => {
    const ada = await addPerson();
    const [b, other] = [await signedIn(ada), await signedIn(ada)];
    const tokens = [await tokenOf(b), await tokenOf(other)];
    const before = (await words(ada)).length;
    expect(await Promise.all(tokens.map((t) => accepts(ada, t)))).toEqual([true, true]);
    await logout(ada);
    expect([await isIn(b), (await other.post('/auth/refresh')).status]).toEqual([false, 401]);
    await done(ada);
    expect(await Promise.all(tokens.map((t) => accepts(ada, t)))).toEqual([false, false]);
    expect(await Promise.all(tokens.map(worksAtCognito))).toEqual([false, false]);
    expect((await words(ada)).slice(before).map((word) => word.status)).toEqual(['active', 'active']);
    expect([await signOutsOf(ada), (await rig.cognitoCalls('AdminDisableUser')).length]).toEqual([1, 0]);
    const again = await signedIn(ada);
    const token = await tokenOf(again);
    expect([await accepts(ada, token), await worksAtCognito(token)]).toEqual([true, true]);
    expect((await again.post('/auth/refresh')).status).toBe(200);
    expect(await isIn(again)).toBe(true);
  },
  LIMIT_MS,
);

it(
  'waits for a worker that is away: sessions are over, nobody signs in, and nothing is forgotten',
  async () => {
    const ada = await addPerson();
    const b = await signedIn(ada);
    const token = await tokenOf(b);
    way.state = 'cut';
    await logout(ada);
    expect(await isIn(b)).toBe(false);
    const page = await attempt(ada, browser(1));
    expect([page.status, codeOn(page)]).toEqual([503, 'account_signing_out']);
    expect(await accepts(ada, token)).toBe(true);
    way.state = 'open';
    await done(ada);
    expect([await accepts(ada, token), await signOutsOf(ada)]).toEqual([false, 1]);
    expect(await accepts(ada, await tokenOf(await signedIn(ada)))).toBe(true);
  },
  LIMIT_MS,
);

it(
  'asks again when the answer is lost, and comes to the same',
  async () => {
    const ada = await addPerson();
    const token = await tokenOf(await signedIn(ada));
    way.state = 'deaf';
    await logout(ada);
    await eventually(async () => expect(way.arrived.filter((m) => m === 'POST').length).toBeGreaterThan(1));
    expect(await accepts(ada, token)).toBe(false);
    way.state = 'open';
    await done(ada);
    expect(await accepts(ada, await tokenOf(await signedIn(ada)))).toBe(true);
  },
  LIMIT_MS,
);

it(
  'fences at once although Cognito is away, and lets nobody in before it has signed out',
  async () => {
    const ada = await addPerson();
    const token = await tokenOf(await signedIn(ada));
    // By our clock: a token of this very second falls under it, and so does every earlier one.
    await rig.fault({ effect: 'disconnect', operation: 'AdminUserGlobalSignOut' });
    await logout(ada);
    await eventually(async () => expect(await accepts(ada, token)).toBe(false));
    const page = await attempt(ada);
    expect([page.status, codeOn(page)]).toEqual([503, 'account_signing_out']);
    await rig.noFaults();
    await done(ada);
    expect(await accepts(ada, await tokenOf(await signedIn(ada)))).toBe(true);
  },
  LIMIT_MS,
);

it(
  'overtakes a login to which Cognito has given tokens already: it is refused, and they are revoked',
  async () => {
    const ada = await addPerson();
    await signedIn(ada);
    const b = browser();
    op.sub = ada.externalId ?? '';
    const path = back(op, await begin(b));
    const revoked = (await rig.cognitoCalls('RevokeToken')).length;
    // The logout stands before the account's lock first, and the login behind it.
    const { login, leaving } = await rig.admin.tx(async (tx) => {
      await tx.query('select 1 from auth.account where id = $1 for update', [ada.id]);
      const leaving = logout(ada);
      await eventually(() => waits('%order by id limit%for update%'));
      const login = b.get(path);
      await eventually(() => waits('%for share%'));
      return { login, leaving };
    });
    await leaving;
    const page = await login;
    expect([page.status, b.cookies.has(SESSION)]).toEqual([503, false]);
    expect(['account_signing_out', 'account_fenced']).toContain(codeOn(page));
    await done(ada);
    expect((await rig.cognitoCalls('RevokeToken')).length).toBe(revoked + 1);
    expect(await rig.admin.query('select 1 from auth.session where account_id = $1', [ada.id])).toEqual([]);
  },
  LIMIT_MS,
);

async function waits(query: string): Promise<void> {
  const [row] = await rig.admin.query(
    `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like $1`,
    [query],
  );
  if (!row) throw new Error(`nobody waits in ${query}`);
}

it(
  'what Okta proved before is worth nothing afterwards: the page has Okta say it again',
  async () => {
    const ada = await addPerson();
    await signedIn(ada);
    op.claims = { iat: nowSeconds() - 30, auth_time: nowSeconds() - 30 };
    await logout(ada);
    await done(ada);
    const page = await attempt(ada);
    expect([page.status, codeOn(page), page.headers['retry-after']]).toEqual([503, 'account_fenced', '3']);
    expect(page.body).toContain('<meta http-equiv="refresh" content="3;url=/auth/okta/login');
    op.claims = {};
    expect(await isIn(await signedIn(ada))).toBe(true);
  },
  LIMIT_MS,
);

it(
  'is not done before the fence has arrived here, too: nobody gets past it on a word from before',
  async () => {
    const ada = await addPerson();
    await signedIn(ada);
    const signedOut = async (): Promise<void> => {
      const [row] = await rig.admin.query<{ due: boolean }>(
        'select sign_out_due as due from offboarding.person where id = $1',
        [ada.id],
      );
      expect([row?.due, await signOutsOf(ada)]).toEqual([false, 1]);
    };
    // Holds back what identity.access says of her: the inbox row that each of its events needs.
    await rig.admin.tx(async (tx) => {
      const key = `${tenant}:${ada.id}`;
      await tx.query(`select 1 from auth.inbox where topic = 'identity.access' and key = $1 for update`, [key]);
      await logout(ada);
      await eventually(signedOut, LIMIT_MS);
      way.arrived.length = 0;
      await eventually(async () => expect(way.arrived.length).toBeGreaterThan(2));
      const owed = 'select 1 from auth.account where id = $1 and signing_out is not null';
      expect(await rig.admin.query(owed, [ada.id])).toHaveLength(1);
    });
    await done(ada);
  },
  LIMIT_MS,
);

it(
  'repeated, at once and at both replicas, it ends, and the last one counts',
  async () => {
    const ada = await addPerson();
    const token = await tokenOf(await signedIn(ada));
    await Promise.all([0, 1, 0, 1, 0, 1].map((replica) => logout(ada, replica as 0 | 1)));
    await done(ada);
    expect(await accepts(ada, token)).toBe(false);
    const next = await tokenOf(await signedIn(ada));
    expect(await accepts(ada, next)).toBe(true);
    await logout(ada, 1);
    await done(ada, 2);
    expect(await accepts(ada, next)).toBe(false);
  },
  LIMIT_MS,
);

it(
  'together with an offboarding nobody is let in, and after the return nothing from before lives',
  async () => {
    const ada = await addPerson();
    const token = await tokenOf(await signedIn(ada));
    await Promise.all([logout(ada), rig.people.publishUser(ada, false), logout(ada, 1)]);
    await eventually(async () => expect((await words(ada)).at(-1)?.status).toBe('inactive'), LIMIT_MS);
    await done(ada);
    expect(codeOn(await attempt(ada))).toBe('account_inactive');
    await logout(ada);
    await rig.people.publishUser(ada, true);
    await logout(ada);
    await eventually(async () => expect((await words(ada)).at(-1)?.status).toBe('active'), LIMIT_MS);
    await done(ada);
    expect([await accepts(ada, token), await worksAtCognito(token)]).toEqual([false, false]);
    expect(await accepts(ada, await tokenOf(await signedIn(ada)))).toBe(true);
  },
  LIMIT_MS,
);
