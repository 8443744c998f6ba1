/**
 * The way of a token through every process: Okta's sign-in, the exchange, the guard of another team's service. And the end
 * of it: whoever lost access is refused at login, refresh, exchange and guard, by us, whatever Okta still says.
 */
import { decodeJwt } from 'jose';
import { AccessDenied } from '#access-guard';
import { Browser } from '../support/auth-browser.js';
import { codeOn } from '../support/auth-journey.js';
import { Browser as OktaBrowser, enter } from '../sandbox/relying-party.js';
import { eventually } from '../support/push.js';
import { TestStack } from '../support/stack.js';
import { startExampleService, type ExampleService } from './example-service.js';
import { exchange, exchangeCommand, Portal } from './portal.js';

const LIMIT_MS = 120_000;
const GROUP = 'StackFlow-Agents';

let stack: TestStack;
let portal: Portal;
let example: ExampleService;
beforeAll(async () => {
  stack = await TestStack.start();
  portal = await Portal.open(stack);
  example = await startExampleService(stack, stack.description.exchange?.audience ?? '');
}, LIMIT_MS);
afterAll(async () => {
  await (example as ExampleService | undefined)?.stop();
  await (stack as TestStack | undefined)?.stop();
});

/** An agent with access everywhere; answers Okta's token for the exchange. */
async function agent(login: string): Promise<string> {
  await stack.okta('assign', { login });
  await stack.okta('push-group', { group: GROUP, members: [login] });
  const token = await portal.signIn(login);
  const allIn = async (): Promise<true | undefined> => {
    const { status, body } = await exchange(stack, token);
    if (status !== 200) return undefined;
    return (await example.incidents(body.access_token ?? '')).status === 200 || undefined;
  };
  // Slowly: more often than twice a second the exchange calls it a loop.
  await eventually(`access for ${login}`, () => pause(600).then(allIn), LIMIT_MS);
  return token;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Answers the page that the callback shows: a redirect for who is in. */
async function signIn(browser: Browser, login: string): Promise<{ status: number; code: string }> {
  const begun = await browser.get('/auth/okta/login?returnTo=%2F');
  const atOkta = new OktaBrowser();
  const page = await atOkta.visit(begun.headers.location ?? '');
  const entered = await enter(stack.description.sandbox.okta, atOkta, await page.text(), login);
  const back = new URL(entered.headers.get('location') ?? '');
  const landed = await browser.get(back.pathname + back.search);
  return { status: landed.status, code: landed.status === 303 ? 'in' : codeOn(landed) };
}

const session = async (login: string): Promise<Browser> => {
  const browser = new Browser(stack.description.edge, stack.description.edge);
  expect(await signIn(browser, login)).toEqual({ status: 303, code: 'in' });
  return browser;
};

it(
  'a service acts for a person who signed in at Okta: exchange, guard, and who acted is known',
  async () => {
    const login = 'ada@example.com';
    const oktaToken = await agent(login);
    const { status, body } = await exchange(stack, oktaToken);
    expect([status, Object.keys(body).includes('refresh_token')]).toEqual([200, false]);
    const claims = decodeJwt(body.access_token ?? '');
    expect(claims).toMatchObject({ act: { sub: 'example-service' }, 'cognito:groups': ['itsm_agent'] });
    expect(await example.caller(body.access_token ?? '')).toMatchObject({
      accountId: claims.username,
      tenantId: stack.tenant.id,
      actor: 'example-service',
      roles: ['itsm_agent'],
    });
    expect(await example.incidents(body.access_token ?? '')).toMatchObject({ status: 200 });

    // For another service it is nothing, and the person's own token names no actor.
    await exchangeCommand(stack, ['change', 'example-service', '--audience', 'payroll']);
    const payroll = (await exchange(stack, oktaToken)).body.access_token ?? '';
    await exchangeCommand(stack, ['change', 'example-service', '--audience', 'incident-service']);
    expect(await example.incidents(payroll)).toMatchObject({ status: 401, body: { reason: 'audience_mismatch' } });
    const own = JSON.parse((await (await session(login)).get('/auth/session')).body) as { accessToken: string };
    expect(await example.caller(own.accessToken)).toMatchObject({ actor: null });

    const audited = await stack.query<{ detail: object }>(
      `select detail from auth.audit where event = 'exchange' and account_id = $1 order by id desc limit 1`,
      [claims.username],
    );
    expect(audited).toMatchObject([{ detail: { act: 'example-service', audience: 'payroll' } }]);
  },
  2 * LIMIT_MS,
);

it(
  'the tokens that the command line orders at the sandbox are taken, an ID token once',
  async () => {
    const login = 'grace@example.com';
    await agent(login);
    const minted = async (server: string): Promise<Record<string, string>> =>
      (await stack.okta('oidc-client/tokens', { login, server })) as Record<string, string>;
    const org = await minted('org');
    const kinds = [
      [org.access_token, 'access_token', 200],
      [org.id_token, 'id_token', 200],
      [org.id_token, 'id_token', 400],
      // Of an app that is not on the list of the tenant any more.
      [(await minted('default')).access_token, 'access_token', 400],
    ] as const;
    for (const [token = '', kind, status] of kinds)
      expect([kind, (await exchange(stack, token, kind)).status]).toEqual([kind, status]);
  },
  LIMIT_MS,
);

/** Asks again and again until it is refused; answers how long that took. */
async function refused(began: number, everyMs: number, look: () => Promise<boolean>): Promise<number> {
  await eventually('a refusal', async () => (await look()) || void (await pause(everyMs)), LIMIT_MS);
  return Math.round(performance.now() - began);
}

describe.each([
  // Behind Okta's back, as it were: Okta itself would let them in everywhere.
  ['offboarded by SCIM alone', 'account_inactive', 'leaver@example.com'],
  ['suspended in Okta', 'okta', 'suspended@example.com'],
] as const)('somebody who is %s', (how, loginCode, login) => {
  it(
    'is refused at guard, exchange, session, refresh and login',
    async () => {
      const oktaToken = await agent(login);
      const exchanged = (await exchange(stack, oktaToken)).body.access_token ?? '';
      const [reading, refreshing] = [await session(login), await session(login)];
      const own = JSON.parse((await reading.get('/auth/session')).body) as { accessToken: string };
      for (const token of [exchanged, own.accessToken]) expect((await example.incidents(token)).status).toBe(200);
      expect((await refreshing.post('/auth/refresh')).status).toBe(200);

      const began = performance.now();
      await takeAccess(how, login);
      const [guard, guardOwn, exchangeMs, sessionMs, refresh, signingIn] = await Promise.all([
        refused(began, 5, () => denied(exchanged)),
        refused(began, 5, () => denied(own.accessToken)),
        refused(began, 500, async () => (await exchange(stack, oktaToken)).body.error === 'invalid_request'),
        refused(began, 20, async () => (await reading.get('/auth/session')).status === 401),
        refused(began, 100, async () => (await refreshing.post('/auth/refresh')).status === 401),
        loginCode === 'okta'
          ? refused(began, 0, () => refusedByOkta(login))
          : refused(began, 0, async () => {
              const browser = new Browser(stack.description.edge, stack.description.edge);
              return (await signIn(browser, login)).code === loginCode;
            }),
      ]);
      console.log(
        `${how}, refused after: guard ${guard} ms (exchanged token) and ${guardOwn} ms (session's), exchange ${exchangeMs} ms, ` +
          `session ${sessionMs} ms, refresh ${refresh} ms, login ${signingIn} ms`,
      );
      // One that was under way meanwhile may have been refused by Cognito; from now on it is our own word.
      expect((await exchange(stack, oktaToken)).status).toBe(400);
      const [row] = await stack.query<{ code: string; detail: { person?: string } }>(
        `select code, detail from auth.audit where event = 'exchange_refused' order by id desc limit 1`,
      );
      expect(row).toMatchObject({ code: 'person_refused', detail: { person: 'account_inactive' } });
    },
    2 * LIMIT_MS,
  );
});

const denied = (token: string): Promise<boolean> =>
  example.caller(token).then(
    () => false,
    (error: unknown) => error instanceof AccessDenied && ['account_inactive', 'token_revoked'].includes(error.reason),
  );

async function takeAccess(how: string, login: string): Promise<void> {
  if (how.startsWith('suspended')) return void (await stack.okta('suspend', { login }));
  const [user] = await stack.query<{ id: string }>('select id from directory.users where user_name = $1', [login]);
  const answer = await stack.scim('PATCH', `/Users/${user?.id}`, {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'replace', value: { active: false } }],
  });
  expect(answer.status).toBe(200);
}

/** Its sign-in page gives no code to somebody who is suspended. */
async function refusedByOkta(login: string): Promise<boolean> {
  const begun = await new Browser(stack.description.edge, stack.description.edge).get('/auth/okta/login');
  const atOkta = new OktaBrowser();
  const page = await atOkta.visit(begun.headers.location ?? '');
  const entered = await enter(stack.description.sandbox.okta, atOkta, await page.text(), login);
  return !(entered.headers.get('location') ?? '').includes('code=');
}
