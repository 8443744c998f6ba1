/** Which people may sign in, according to directory, accounts and access. */
import { Browser, type Answer } from '../support/auth-browser.js';
import { CLIENT_ID } from '../support/auth-provider.js';
import { begin, codeOn, SESSION } from '../support/auth-journey.js';
import { LOCAL } from '../support/auth.js';
import { eventually } from '../support/waiting.js';
import { world } from './world.js';

const { back, browser, lastAudit, op, rig, tenant, signIn: signInAs } = await world();

const signIn = (externalId: string | null): Promise<Answer> => {
  op.sub = externalId ?? '';
  return signInAs(browser());
};
const outcome = (page: Answer): [number, string] => [page.status, page.status === 303 ? 'in' : codeOn(page)];

it('refuses an unknown Okta user and creates no account', async () => {
  expect(outcome(await signIn('00u1nobody'))).toEqual([403, 'unknown_person']);
  expect(await lastAudit()).toMatchObject({ code: 'unknown_person', detail: { oktaSub: '00u1nobody' } });
});

it('never links a person by e-mail address or user name (nOAuth)', async () => {
  const victim = await rig.addPerson(tenant);
  op.claims = { email: victim.email, email_verified: true, preferred_username: victim.userName };
  expect(outcome(await signIn('00u1attacker'))).toEqual([403, 'other_okta_user']);
});

it('never signs anybody in to an account without an Okta id', async () => {
  await rig.addPerson(tenant, { externalId: null });
  expect(outcome(await signIn('null'))).toEqual([403, 'unknown_person']);
});

it('refuses a person of another tenant, who can sign in there', async () => {
  const other = await rig.addTenant('beta', 'beta.example.com');
  const person = await rig.addPerson(other);
  expect(outcome(await signIn(person.externalId))).toEqual([403, 'unknown_person']);
  op.sub = person.externalId ?? '';
  expect(outcome(await signInAs(browser('https://beta.example.com')))).toEqual([303, 'in']);
});

it('refuses an inactive account, and does not know a removed one any more', async () => {
  const [a, b] = [await rig.addPerson(tenant), await rig.addPerson(tenant)];
  await rig.people.publishAccess({ ...a, status: 'inactive', roles: [] });
  await rig.people.publishAccount({ ...b, status: 'removed', roles: [] }, 'removed');
  await rig.handled();
  expect(outcome(await signIn(a.externalId))).toEqual([403, 'account_inactive']);
  expect(outcome(await signIn(b.externalId))).toEqual([403, 'unknown_person']);
});

it('refuses a person whom Okta authenticated before the fence', async () => {
  const person = await rig.addPerson(tenant);
  await rig.people.publishAccess(person, { notBefore: new Date(Date.now() + 3_600_000).toISOString() });
  await rig.handled();
  expect(outcome(await signIn(person.externalId))).toEqual([503, 'account_fenced']);
});

it('waits until the second of a new fence has ended, so that the access token is accepted', async () => {
  const person = await rig.addPerson(tenant);
  const at = Math.floor(Date.now() / 1000) + 1;
  await rig.people.publishAccess(person, { notBefore: new Date(at * 1000).toISOString() });
  await rig.handled();
  op.claims = { iat: at };
  expect(outcome(await signIn(person.externalId))).toEqual([303, 'in']);
});

it('revokes a Cognito token from before the fence and refuses the login', async () => {
  const person = await rig.addPerson(tenant);
  const at = Math.floor(Date.now() / 1000) + 30;
  await rig.people.publishAccess(person, { notBefore: new Date(at * 1000).toISOString() });
  await rig.handled();
  const revoked = (await rig.cognitoCalls('RevokeToken')).length;
  op.claims = { iat: at + 5, auth_time: at };
  expect(outcome(await signIn(person.externalId))).toEqual([503, 'exchange_unavailable']);
  expect(await lastAudit()).toMatchObject({ detail: { token: 'behind_fence' } });
  expect((await rig.cognitoCalls('RevokeToken')).length).toBe(revoked + 1);
});

it('refuses a person with two active accounts, and signs in to the other account when one is inactive', async () => {
  const one = await rig.addPerson(tenant);
  const two = await rig.addPerson(tenant, { externalId: one.externalId });
  expect(outcome(await signIn(one.externalId))).toEqual([403, 'account_ambiguous']);
  await rig.people.publishAccess({ ...two, status: 'inactive', roles: [] });
  await rig.handled();
  expect(outcome(await signIn(one.externalId))).toEqual([303, 'in']);
});

it('shows a page that retries by itself if a person in the directory has no account yet', async () => {
  const person = rig.people.make(tenant);
  await rig.people.publishUser(person);
  await rig.handled();
  const page = await signIn(person.externalId);
  expect(outcome(page)).toEqual([503, 'not_provisioned']);
  expect(page.headers['retry-after']).toBe('5');
  expect(page.body).toContain('<meta http-equiv="refresh" content="5;url=/auth/okta/login?returnTo=%2Fincidents%2F42"');
});

it('treats a person who was deactivated before they had an account as unknown', async () => {
  const person = rig.people.make(tenant);
  await rig.people.publishUser(person, false);
  await rig.handled();
  expect(outcome(await signIn(person.externalId))).toEqual([403, 'unknown_person']);
});

it('signs a person in when the account arrives during the login', async () => {
  // On a busy machine an event may take longer than the service waits. Then another person tries.
  await eventually(async () => {
    const person = rig.people.make(tenant);
    await rig.people.publishUser(person);
    await rig.people.createUser(person);
    await rig.handled();
    op.sub = person.externalId ?? '';
    const b = browser();
    const path = back(await begin(b));
    const waiting = b.get(path);
    await rig.people.publishAccess(person);
    await rig.people.publishAccount(person, 'provisioned');
    expect(outcome(await waiting)).toEqual([303, 'in']);
  });
}, 120_000);

it('signs a person in when the events of the account arrive in reverse order', async () => {
  const person = rig.people.make(tenant);
  await rig.people.createUser(person);
  await rig.people.publishAccess(person);
  await rig.handled();
  expect(outcome(await signIn(person.externalId))).toEqual([403, 'unknown_person']);
  await rig.people.publishAccount(person, 'provisioned');
  await rig.handled();
  expect(outcome(await signIn(person.externalId))).toEqual([303, 'in']);
});

describe('Cognito', () => {
  it.each<[string, object, [number, string]]>([
    ['throttles', { effect: 'throttle', operation: 'AdminInitiateAuth' }, [503, 'exchange_unavailable']],
    ['is unreachable', { effect: 'disconnect', operation: 'AdminInitiateAuth' }, [503, 'exchange_unavailable']],
    [
      'does not know the client',
      { effect: 'error', operation: 'AdminInitiateAuth', error: 'ResourceNotFoundException' },
      [502, 'exchange_refused'],
    ],
    ['loses one answer', { effect: 'drop', operation: 'AdminRespondToAuthChallenge', times: 1 }, [303, 'in']],
  ])('%s: the login ends as expected', async (_, rule, expected) => {
    const person = await rig.addPerson(tenant);
    await rig.fault(rule);
    expect(outcome(await signIn(person.externalId))).toEqual(expected);
  });

  it('has disabled the user: the login is refused', async () => {
    const person = await rig.addPerson(tenant);
    await rig.people.disableUser(person);
    expect(outcome(await signIn(person.externalId))).toEqual([502, 'exchange_refused']);
  });
});

describe('the sign-in at Okta', () => {
  it('must use a second factor if the operator requires one', async () => {
    const strict = await rig.startService({ SSO_REQUIRE_MFA: 'true' });
    const person = await rig.addPerson(tenant);
    op.sub = person.externalId ?? '';
    const b = new Browser(strict.url, LOCAL);
    op.claims = { amr: ['pwd'] };
    expect(outcome(await signInAs(b))).toEqual([403, 'mfa_missing']);
    op.claims = {};
    expect(outcome(await signInAs(b))).toEqual([303, 'in']);
    await strict.stop();
  });

  it('must not be longer ago than the operator allows', async () => {
    const strict = await rig.startService({ SSO_MAX_AUTH_AGE_MINUTES: '5' });
    const person = await rig.addPerson(tenant);
    op.sub = person.externalId ?? '';
    const b = new Browser(strict.url, LOCAL);
    const location = await begin(b);
    expect(new URL(location).searchParams.get('max_age')).toBe('300');
    op.claims = { auth_time: Math.floor(Date.now() / 1000) - 3_000 };
    const page = await b.get(back(location));
    expect(outcome(page)).toEqual([403, 'token_refused']);
    expect(await lastAudit()).toMatchObject({ detail: { oidc: 'auth_too_old' } });
    await strict.stop();
  });
});

describe('a tenant', () => {
  it('without sign-in settings has no sign-in', async () => {
    await rig.people.publishSettings('0198b7c2-5d0e-7a31-9c55-3f1f6f0e7a77', 'bare', { host: 'bare.example.com' });
    await rig.settingsKnown();
    const page = await browser('https://bare.example.com').get('/auth/okta/login');
    expect(outcome(page)).toEqual([404, 'sso_not_configured']);
  });

  it('without a client secret has no sign-in', async () => {
    const id = '0198b7c2-5d0e-7a31-9c55-3f1f6f0e7a78';
    const sso = { issuer: 'https://acme.okta.com', clientId: 'x' };
    await rig.people.publishSettings(id, 'secretless', { host: 'secretless.example.com', sso });
    await rig.settingsKnown();
    const page = await browser('https://secretless.example.com').get('/auth/okta/login');
    expect(outcome(page)).toEqual([404, 'sso_not_configured']);
  });

  it.each([
    ['client', { issuer: 'https://acme.okta.com', clientId: 'another' }],
    ['issuer', { issuer: 'https://acme.okta.com/oauth2/default', clientId: CLIENT_ID }],
  ])('whose %s changed during a login refuses that login', async (what, sso) => {
    const host = `${what}.example.com`;
    const id = await rig.addTenant(`moving-${what}`, host);
    const b = browser(`https://${host}`);
    const path = back(await begin(b));
    await rig.people.publishSettings(id, `moving-${what}`, { host, sso });
    await rig.settingsKnown();
    expect(outcome(await b.get(path))).toEqual([400, 'settings_changed']);
    expect(b.cookies.has(SESSION)).toBe(false);
  });
});
