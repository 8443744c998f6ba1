import type { JWK } from 'jose';
import { logoutFaults, type LogoutResult } from '../../apps/sandbox/src/okta/oidc/universal-logout.js';
import { HookReceiver } from '../support/hook-receiver.js';
import { OktaBrowser } from '../support/okta-browser.js';
import { RelyingParty } from './relying-party.js';
import { ScimRecorder } from '../support/scim-recorder.js';
import { part, signedBy } from './strict-verifier.js';
import { control, startSandbox, type RunningSandbox } from '../support/sandbox.js';

let running: RunningSandbox;
let scim: ScimRecorder;
let receiver: HookReceiver;
let rp: RelyingParty;
const ANNA = 'anna@example.com';
const MAIL = 'anna.lee@example.com';
beforeAll(async () => {
  [running, scim, receiver] = await Promise.all([startSandbox(), ScimRecorder.start(), HookReceiver.start()]);
  await control(running.sandbox.endpoints.okta, 'PUT', 'apps/acme', { scimBaseUrl: scim.baseUrl, token: 't' });
  rp = await RelyingParty.register(running, 'acme');
  await rp.ask('POST', 'assign', { login: ANNA, profile: { email: MAIL } });
});
afterAll(async () => {
  await running.stop();
  await scim.stop();
  await receiver.stop();
});
beforeEach(async () => {
  receiver.clear();
  await rp.ask('PUT', 'universal-logout', { url: `${receiver.url}?x=1` });
});

const send = (fault?: string) => rp.ask<LogoutResult>('POST', 'universal-logout', { login: ANNA, fault });
const sent = (index = 0) => {
  const { headers, body } = receiver.requests[index] ?? { headers: {}, body: {} };
  const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
  return { token, header: part(token, 0), claims: part(token, 1), body };
};
const keys = async (): Promise<JWK[]> => ((await (await fetch(rp.endpoint('keys'))).json()) as { keys: JWK[] }).keys;

/** The findings that an app must have for each fault. */
async function problems(): Promise<string[]> {
  const { token, header, claims } = sent();
  const now = Math.floor(Date.now() / 1000);
  const key = (await keys()).find((k) => k.kid === header.kid);
  const jtis = receiver.requests.map((_, i) => sent(i).claims.jti);
  const checks = {
    key: key !== undefined && signedBy(token, key),
    typ: header.typ === 'global-token-revocation+jwt',
    iss: claims.iss === rp.origin,
    sub: claims.sub === rp.clientId,
    aud: claims.aud === receiver.url,
    exp: Number(claims.exp) > now && Number(claims.exp) - Number(claims.iat) <= 300,
    jti: new Set(jtis).size === jtis.length,
  };
  return Object.entries(checks).flatMap(([name, right]) => (right ? [] : [name]));
}

it('sends the app a logout, with a JWT signed by the ID token key', async () => {
  receiver.answers.push(204);
  expect(await send()).toMatchObject({ login: ANNA, sessionsEnded: 0, attempts: [{ status: 204, error: null }] });
  expect(await problems()).toEqual([]);
  expect(receiver.requests[0]).toMatchObject({ method: 'POST', headers: { 'content-type': 'application/json' } });
  expect(sent().body).toEqual({ sub_id: { format: 'email', email: MAIL } });
  await rp.ask('PUT', 'universal-logout', { url: receiver.url, subjectFormat: 'iss_sub' });
  await send();
  const { sub } = part((await rp.login(ANNA)).id_token, 1);
  expect(sent(1).body).toEqual({ sub_id: { format: 'iss_sub', iss: rp.origin, sub } });
});

it('ends the sessions of that person with Okta only', async () => {
  await rp.ask('POST', 'assign', { login: 'ben@example.com' });
  await rp.ask('POST', 'universal-logout', { login: ANNA });
  const browsers = [new OktaBrowser(), new OktaBrowser(), new OktaBrowser()] as const;
  for (const browser of browsers.slice(1)) await rp.signIn(ANNA, {}, browser);
  await rp.signIn('ben@example.com', {}, browsers[0]);
  expect(await send()).toMatchObject({ sessionsEnded: 2 });
  const outcomes = browsers.map((b) => rp.signIn('', { prompt: 'none' }, b));
  expect((await Promise.all(outcomes)).map((c) => c.params.error)).toEqual([
    undefined,
    'login_required',
    'login_required',
  ]);
});

describe('a logout with a fault', () => {
  const found: Record<(typeof logoutFaults)[number], string[]> = {
    'wrong-key': ['key'],
    'wrong-typ': ['typ'],
    'wrong-iss': ['iss'],
    'wrong-sub': ['sub'],
    'wrong-aud': ['aud'],
    expired: ['exp'],
    replay: ['jti'],
  };
  it.each(Object.entries(found))('"%s" breaks exactly the checks %j', async (fault, expected) => {
    receiver.answers.push(204, 400);
    const { attempts } = await send(fault);
    expect(attempts.map((a) => a.status)).toEqual(fault === 'replay' ? [204, 400] : [204]);
    expect(await problems()).toEqual(expected);
  });

  it('has an expectation in this test for every fault', () => {
    expect(Object.keys(found).sort()).toEqual([...logoutFaults].sort());
  });
});

it('is sent once, and the answer of the app is reported', async () => {
  for (const status of [400, 401, 404, 500]) {
    receiver.answers.push(status);
    expect(await send()).toMatchObject({ attempts: [{ status }] });
  }
  expect(receiver.requests).toHaveLength(4);
  await rp.ask('PUT', 'universal-logout', { url: 'http://127.0.0.1:9/' });
  expect(await send()).toMatchObject({ attempts: [{ status: null, error: expect.stringMatching(/bad port|ECONN/) }] });
});

it('needs an endpoint, a person and a client, and refuses invalid input with a readable message', async () => {
  expect(await rp.ask('POST', 'universal-logout', { login: 'nobody' })).toMatchObject({
    error: expect.stringContaining('"nobody"'),
  });
  expect(await send('x')).toHaveProperty('error');
  expect(await rp.ask('PUT', 'universal-logout', { url: 'ftp://x' })).toHaveProperty('error');
  expect(await rp.ask('POST', 'universal-logout', { login: ANNA, label: 'none' })).toHaveProperty('error');
  await rp.ask('DELETE', 'universal-logout');
  expect(await rp.ask('GET', 'universal-logout')).toEqual({ target: null });
  expect(await send()).toMatchObject({ error: expect.stringContaining('no Universal Logout endpoint') });
});
