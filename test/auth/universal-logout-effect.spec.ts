/** The effect of a Universal Logout, with the real deactivation-worker and two replicas of auth-service. */
import { CognitoIdentityProviderClient, GetUserCommand } from '@aws-sdk/client-cognito-identity-provider';
import { decodeJwt } from 'jose';
import { isFenced } from '#access-guard';
import { nowSeconds } from '../guard/issuer.js';
import { Browser, type Answer } from '../support/auth-browser.js';
import { back, begin, codeOn, SESSION, signIn as signInWith } from '../support/auth-journey.js';
import { logoutToken, postLogout } from './logout-request.js';
import type { Person } from '../support/auth-people.js';
import { LOCAL } from '../support/auth.js';
import { eventually } from '../support/waiting.js';
import { FailingProxy, startWorker } from './worker.js';
import { world } from './world.js';

const LIMIT_MS = 120_000;

let proxy!: FailingProxy;
const { op, replicas, rig, tenant } = await world({
  replicas: 2,
  settings: async (auth) => {
    proxy = await FailingProxy.to((await startWorker(auth)).url);
    return { DEACTIVATION_WORKER_URL: proxy.url };
  },
});
const { AWS_REGION: region = '', COGNITO_ENDPOINT: endpoint = '' } = rig.environment;
const cognito = new CognitoIdentityProviderClient({ region, endpoint });
beforeEach(() => {
  proxy.state = 'open';
  proxy.arrived.length = 0;
});
afterAll(async () => {
  cognito.destroy();
  await proxy.close();
});

/** Publishes a person whose access the worker then announces. */
async function addPerson(): Promise<Person> {
  const person = rig.people.make(tenant);
  await rig.people.createUser(person);
  await rig.people.publishUser(person);
  await rig.people.publishAccount(person, 'provisioned');
  return person;
}

const browser = (replica: 0 | 1 = 0): Browser => new Browser(replicas[replica]?.url ?? '', LOCAL);
const attempt = (person: Person, b: Browser = browser()): Promise<Answer> => {
  op.sub = person.externalId ?? '';
  return signInWith(op, b);
};
/** Repeats the login like a browser whose page retries. */
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
  const { status } = await postLogout(replicas[replica]?.url ?? '', logoutToken(op), body);
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

interface AccessState {
  readonly status: string;
  readonly notBefore: string | null;
}
const accessStates = async ({ id }: Person): Promise<AccessState[]> =>
  (
    await rig.admin.query<{ data: AccessState }>(
      `select data from bus.event_log where topic = 'identity.access' and key = $1 order by sequence`,
      [`${tenant}:${id}`],
    )
  ).map((row) => row.data);
/** Decides like the guard of every service, by the latest state of the access. */
const accepts = async (person: Person, token: string): Promise<boolean> => {
  const last = (await accessStates(person)).at(-1);
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
    // Cognito answers first whether the token is revoked, and then that it has no scope for such calls.
    (error: unknown) => !String(error).includes('revoked'),
  );

it(
  'refuses all earlier sessions and tokens everywhere, keeps the access, and accepts a new login',
  async () => {
    const ada = await addPerson();
    const [b, other] = [await signedIn(ada), await signedIn(ada)];
    const tokens = [await tokenOf(b), await tokenOf(other)];
    const before = (await accessStates(ada)).length;
    expect(await Promise.all(tokens.map((t) => accepts(ada, t)))).toEqual([true, true]);
    await logout(ada);
    expect([await isIn(b), (await other.post('/auth/refresh')).status]).toEqual([false, 401]);
    await done(ada);
    expect(await Promise.all(tokens.map((t) => accepts(ada, t)))).toEqual([false, false]);
    expect(await Promise.all(tokens.map(worksAtCognito))).toEqual([false, false]);
    expect((await accessStates(ada)).slice(before).map(({ status }) => status)).toEqual(['active', 'active']);
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
  'ends sessions and refuses logins while the worker is unreachable, and completes afterwards',
  async () => {
    const ada = await addPerson();
    const b = await signedIn(ada);
    const token = await tokenOf(b);
    proxy.state = 'cut';
    await logout(ada);
    expect(await isIn(b)).toBe(false);
    const page = await attempt(ada, browser(1));
    expect([page.status, codeOn(page)]).toEqual([503, 'account_signing_out']);
    expect(await accepts(ada, token)).toBe(true);
    proxy.state = 'open';
    await done(ada);
    expect([await accepts(ada, token), await signOutsOf(ada)]).toEqual([false, 1]);
    expect(await accepts(ada, await tokenOf(await signedIn(ada)))).toBe(true);
  },
  LIMIT_MS,
);

it(
  'repeats the request when the answer is lost, with the same result',
  async () => {
    const ada = await addPerson();
    const token = await tokenOf(await signedIn(ada));
    proxy.state = 'deaf';
    await logout(ada);
    await eventually(async () => expect(proxy.arrived.filter((m) => m === 'POST').length).toBeGreaterThan(1));
    expect(await accepts(ada, token)).toBe(false);
    proxy.state = 'open';
    await done(ada);
    expect(await accepts(ada, await tokenOf(await signedIn(ada)))).toBe(true);
  },
  LIMIT_MS,
);

it(
  'fences at once while Cognito fails, and refuses logins until Cognito has signed the person out',
  async () => {
    const ada = await addPerson();
    const token = await tokenOf(await signedIn(ada));
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
  'refuses a login in progress and revokes the tokens that Cognito issued for it',
  async () => {
    const ada = await addPerson();
    await signedIn(ada);
    const b = browser();
    op.sub = ada.externalId ?? '';
    const path = back(op, await begin(b));
    const revoked = (await rig.cognitoCalls('RevokeToken')).length;
    // The logout waits for the account's lock first, and the login waits behind it.
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
  if (!row) throw new Error(`no statement waits for a lock: ${query}`);
}

it(
  'refuses an authentication from before the logout, and the page requests another one',
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
  'is complete only after auth-service has handled the event with the fence',
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
    // Holds back the events of identity.access by a lock on the inbox row that each of them needs.
    await rig.admin.tx(async (tx) => {
      const key = `${tenant}:${ada.id}`;
      await tx.query(`select 1 from auth.inbox where topic = 'identity.access' and key = $1 for update`, [key]);
      await logout(ada);
      await eventually(signedOut, LIMIT_MS);
      proxy.arrived.length = 0;
      await eventually(async () => expect(proxy.arrived.length).toBeGreaterThan(2));
      const owed = 'select 1 from auth.account where id = $1 and signing_out is not null';
      expect(await rig.admin.query(owed, [ada.id])).toHaveLength(1);
    });
    await done(ada);
  },
  LIMIT_MS,
);

it(
  'completes when it is repeated at both replicas at once, and the last repetition counts',
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
  'during an offboarding refuses logins, and after the return earlier tokens stay refused',
  async () => {
    const ada = await addPerson();
    const token = await tokenOf(await signedIn(ada));
    await Promise.all([logout(ada), rig.people.publishUser(ada, false), logout(ada, 1)]);
    await eventually(async () => expect((await accessStates(ada)).at(-1)?.status).toBe('inactive'), LIMIT_MS);
    await done(ada);
    expect(codeOn(await attempt(ada))).toBe('account_inactive');
    await logout(ada);
    await rig.people.publishUser(ada, true);
    await logout(ada);
    await eventually(async () => expect((await accessStates(ada)).at(-1)?.status).toBe('active'), LIMIT_MS);
    await done(ada);
    expect([await accepts(ada, token), await worksAtCognito(token)]).toEqual([false, false]);
    expect(await accepts(ada, await tokenOf(await signedIn(ada)))).toBe(true);
  },
  LIMIT_MS,
);
