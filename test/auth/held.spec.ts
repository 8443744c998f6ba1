/**
 * The only administrator of a tenant is offboarded, and the brake holds the case. Sessions, refreshes and tokens end at
 * once nevertheless. A person whom Okta still lets in signs in again with one click.
 */
import { decodeJwt } from 'jose';
import { isFenced } from '#access-guard';
import { Browser } from '../support/auth-browser.js';
import { codeOn, signIn as signInWith } from '../support/auth-journey.js';
import type { Person } from '../support/auth-people.js';
import { LOCAL } from '../support/auth.js';
import { eventually } from '../support/waiting.js';
import { startWorker } from './worker.js';
import { world } from './world.js';

const LIMIT_MS = 120_000;

let workerUrl = '';
const { op, replicas, rig, tenant } = await world({
  settings: async (auth) => {
    workerUrl = (await startWorker(auth)).url;
    return { DEACTIVATION_WORKER_URL: workerUrl };
  },
});

async function signedInAdmin(): Promise<[Person, Browser, string]> {
  const ada = rig.people.make(tenant, { roles: ['super_admin'], primaryRole: 'super_admin' });
  await rig.people.createUser(ada);
  await rig.people.addToGroup(ada, 'super_admin');
  await rig.people.publishUser(ada);
  await rig.people.publishAccount(ada, 'provisioned');
  const browser = await signedIn(ada);
  const { accessToken, roles } = (await session(browser)).body;
  expect(roles).toEqual(['super_admin']);
  return [ada, browser, accessToken];
}
const signedIn = (person: Person): Promise<Browser> =>
  eventually(async () => {
    op.sub = person.externalId ?? '';
    const browser = new Browser(replicas[0]?.url ?? '', LOCAL);
    const answer = await signInWith(op, browser);
    if (answer.status !== 303) throw new Error(codeOn(answer));
    return browser;
  }, LIMIT_MS);
const session = async (browser: Browser) => {
  const { status, body } = await browser.get('/auth/session');
  return { status, body: JSON.parse(body) as { accessToken: string; roles: string[] } };
};
const stateOf = async ({ id }: Person): Promise<string | undefined> =>
  (
    await rig.admin.query<{ state: string }>(
      'select state from offboarding.offboarding_case where account_id = $1 order by received_at desc limit 1',
      [id],
    )
  )[0]?.state;
const untilState = (person: Person, state: string): Promise<void> =>
  eventually(async () => expect(await stateOf(person)).toBe(state), LIMIT_MS);
const accepts = async ({ id }: Person, token: string): Promise<boolean> => {
  const [last] = await rig.admin.query<{ data: { status: string; notBefore: string | null } }>(
    `select data from bus.event_log where topic = 'identity.access' and key = $1 order by sequence desc limit 1`,
    [`${tenant}:${id}`],
  );
  const notBefore = last?.data.notBefore ? Date.parse(last.data.notBefore) : null;
  return last?.data.status === 'active' && !isFenced(decodeJwt(token).iat ?? 0, notBefore);
};
/** Resolves when the sign-out of the held person is done. */
const signedOut = (person: Person): Promise<void> =>
  eventually(async () => {
    const sql =
      'select 1 from offboarding.offboarding_case where account_id = $1 and held_sessions_ended_at is not null';
    expect(await rig.admin.query(sql, [person.id])).toHaveLength(1);
  }, LIMIT_MS);
async function release(): Promise<void> {
  const answer = await fetch(`${workerUrl}/internal/tenants/${tenant}/held/release`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${rig.environment.INTERNAL_API_CREDENTIAL ?? ''}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ by: 'grace' }),
  });
  expect(answer.status).toBe(200);
}

it.each(['deactivated', 'deleted'])(
  'refuses sessions, refreshes and tokens of the only administrator who was %s, while the case is held',
  async (what) => {
    const [ada, browser, token] = await signedInAdmin();
    expect(await accepts(ada, token)).toBe(true);
    await rig.people.publishUser(ada, false, what === 'deleted');
    await untilState(ada, 'held');
    await eventually(async () => expect((await browser.get('/auth/session')).status).toBe(401), LIMIT_MS);
    expect((await browser.post('/auth/refresh')).status).toBe(401);
    await signedOut(ada);
    expect(await accepts(ada, token)).toBe(false);
    await release();
    await untilState(ada, 'completed');
    op.sub = ada.externalId ?? '';
    const refused = await signInWith(op, new Browser(replicas[0]?.url ?? '', LOCAL));
    expect([refused.status, codeOn(refused)]).toEqual([403, 'account_inactive']);
  },
  LIMIT_MS,
);

it(
  'lets a wrongly held administrator sign in again, once, and work',
  async () => {
    const [ada, browser] = await signedInAdmin();
    await rig.people.publishUser(ada, false);
    await signedOut(ada);
    expect((await browser.post('/auth/refresh')).status).toBe(401);
    const again = await signedIn(ada);
    const { accessToken, roles } = (await session(again)).body;
    expect([roles, await accepts(ada, accessToken)]).toEqual([['super_admin'], true]);
    // Nothing that is repeated about the deactivation ends the new session.
    await rig.people.publishUser(ada, false);
    await rig.people.publishUser(ada);
    await untilState(ada, 'discarded');
    expect((await again.post('/auth/refresh')).status).toBe(200);
    expect(await accepts(ada, accessToken)).toBe(true);
    await rig.people.publishUser(ada, false);
    await untilState(ada, 'held');
    await release();
    await untilState(ada, 'completed');
  },
  LIMIT_MS,
);
