/**
 * The way of a token through every process: Okta's sign-in, the exchange, the guard of another team's service. After
 * access was lost, StackFlow itself refuses login, refresh, exchange and guard, whatever Okta says.
 */
import { decodeJwt } from 'jose';
import { setTimeout as sleep } from 'node:timers/promises';
import { AccessDenied } from '#access-guard';
import type { Browser } from '../support/auth-browser.js';
import { codeOn } from '../support/auth-journey.js';
import { OktaBrowser } from '../support/okta-browser.js';
import { until } from '../support/waiting.js';
import { TestStack } from '../support/stack.js';
import { edgeBrowser, signIn } from './edge-browser.js';
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

/** An agent with access everywhere. Returns the Okta token for the exchange. */
async function agent(login: string): Promise<string> {
  await stack.okta('assign', { login });
  await stack.okta('push-group', { group: GROUP, members: [login] });
  const token = await portal.signIn(login);
  const allIn = async (): Promise<boolean> => {
    await sleep(600); // at most twice a second, because the exchange refuses more as a loop
    const { status, body } = await exchange(stack, token);
    return status === 200 && (await example.incidents(body.access_token ?? '')).status === 200;
  };
  await until(`access for ${login}`, allIn, LIMIT_MS);
  return token;
}

const outcome = async (browser: Browser, login: string): Promise<string> => {
  const landed = await signIn(stack, browser, login);
  return landed.status === 303 ? 'in' : codeOn(landed);
};

const session = async (login: string): Promise<Browser> => {
  const browser = edgeBrowser(stack);
  expect(await outcome(browser, login)).toBe('in');
  return browser;
};

it(
  'exchanges a person’s Okta token, passes the guard with it, and names the acting service',
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

    // Another service refuses the token, and the person's own token names no actor.
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
  'exchanges the tokens that the command line gets from the sandbox, and an ID token only once',
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
      // A token of an app that the tenant no longer allows.
      [(await minted('default')).access_token, 'access_token', 400],
    ] as const;
    for (const [token = '', kind, status] of kinds)
      expect([kind, (await exchange(stack, token, kind)).status]).toEqual([kind, status]);
  },
  LIMIT_MS,
);

/** Repeats the attempt until it is refused. Returns how long that took. */
async function refused(began: number, everyMs: number, look: () => Promise<boolean>): Promise<number> {
  await until('a refusal', async () => (await look()) || sleep(everyMs), LIMIT_MS);
  return Math.round(performance.now() - began);
}

describe.each([
  // Changes that Okta does not know of. Okta itself would still allow everything.
  ['offboarded over SCIM only', 'account_inactive', 'leaver@example.com'],
  ['suspended in Okta', 'okta', 'suspended@example.com'],
] as const)('a person who is %s', (how, loginCode, login) => {
  it(
    'is refused by guard, exchange, session, refresh and login',
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
          : refused(began, 0, async () => (await outcome(edgeBrowser(stack), login)) === loginCode),
      ]);
      console.log(
        `${how}, refused after: guard ${guard} ms (exchanged token) and ${guardOwn} ms (session's), exchange ${exchangeMs} ms, ` +
          `session ${sessionMs} ms, refresh ${refresh} ms, login ${signingIn} ms`,
      );
      // Cognito may have refused an attempt that was under way. From now on, StackFlow's own refusal is tested.
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

/** Okta's sign-in page gives no code to a suspended person. */
async function refusedByOkta(login: string): Promise<boolean> {
  const begun = await edgeBrowser(stack).get('/auth/okta/login');
  const entered = await new OktaBrowser().signIn(begun.headers.location ?? '', login);
  return !(entered.headers.get('location') ?? '').includes('code=');
}
