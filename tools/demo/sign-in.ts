/** Runs test 3 of the product page over HTTP, without a browser. The tests in `test/browser` run it in Chromium. */
import { decodeJwt } from 'jose';
import { z } from 'zod';
import { DemoProblem, type Stack } from './stack.js';
import { result, type Person, type Result, type Tools } from './step.js';
import { Web } from './web.js';

const BACK_TO = '/desk/incidents/42?view=all';
const session = z.object({
  roles: z.array(z.string()),
  primaryRole: z.string().nullable(),
  accessToken: z.string(),
});
const caller = z.object({ accountId: z.string(), roles: z.array(z.string()) });

export async function signIn(tools: Tools, stack: Stack, person: Person, role: string): Promise<Result> {
  return result(tools, '3. Sign in through Okta: the role claims are correct', async (show) => {
    const { print, records, okta } = tools;
    print(`  ${person.login} opens ${BACK_TO}, signs in at Okta, and returns to that page.`);
    const { scimId } = await okta.idsOf(person.login);
    const web = new Web();
    const landed = await throughOkta(web, stack, person.login);
    const wrong = landed === `${stack.edge}${BACK_TO}` ? [] : [`the browser ended at ${landed}, not at ${BACK_TO}`];
    wrong.push(...(await claimsOf(web, stack, tools, { accountId: scimId, role })));
    const zero = web.moments[0]?.at ?? 0;
    show([...web.moments, ...(await records.ofSignIn(scimId, zero))], zero);
    return [...wrong, ...(await signOut(web, stack))];
  });
}

/** Returns everything that is wrong in the session, in the token, at Cognito, and at a service behind the guard. */
async function claimsOf(
  web: Web,
  stack: Stack,
  { pool, tenantId }: Tools,
  { accountId, role }: { accountId: string; role: string },
): Promise<string[]> {
  const answer = await web.get(`${stack.edge}/auth/session`);
  if (answer.status !== 200) return [`/auth/session answered ${answer.status}: ${answer.text}`];
  const { accessToken, ...view } = session.parse(JSON.parse(answer.text));
  const guarded = await web.get(`${stack.edge}/desk/caller`, { authorization: `Bearer ${accessToken}` });
  const claims = { roles: [role], 'cognito:groups': [role], tenant_id: tenantId, username: accountId };
  return [
    ...differs('the session', view, { roles: [role], primaryRole: role }),
    ...differs('the access token', decodeJwt(accessToken), claims),
    ...differs("Cognito's user", (await pool.read(accountId))?.attributes ?? {}, { 'custom:role': role }),
    ...(guarded.status === 200
      ? differs('the guarded service', caller.parse(JSON.parse(guarded.text)), { accountId, roles: [role] })
      : [`the guarded service answered ${guarded.status}: ${guarded.text}`]),
  ];
}

async function signOut(web: Web, stack: Stack): Promise<string[]> {
  await web.post(`${stack.edge}/auth/logout?okta=true`);
  const { status } = await web.get(`${stack.edge}/auth/session`);
  return status === 401 ? [] : [`/auth/session answers ${status} after the sign-out`];
}

/** Signs in through Okta. Returns the address where the browser ends. */
async function throughOkta(web: Web, stack: Stack, login: string): Promise<string> {
  const begin = `${stack.edge}/auth/okta/login?returnTo=${encodeURIComponent(BACK_TO)}`;
  const page = await web.follow(await web.get(begin), begin);
  const stateToken = /name="stateToken" value="([^"]+)"/.exec(page.answer.text)?.[1];
  if (stateToken === undefined) throw new DemoProblem(`Okta shows no sign-in page: ${sentence(page.answer)}`);
  const form = `${stack.sandbox.okta}/signin`;
  const landed = await web.follow(await web.submit(form, { stateToken, username: login }), form);
  if (landed.answer.status !== 200) throw new DemoProblem(`The sign-in was refused: ${sentence(landed.answer)}`);
  return landed.url;
}

const sentence = ({ status, text }: { status: number; text: string }): string =>
  `${status} ${/<h1>([^<]*)/.exec(text)?.[1] ?? text.slice(0, 200)}`;

function differs(subject: string, is: object, expected: Readonly<Record<string, unknown>>): string[] {
  const has = is as Record<string, unknown>;
  return Object.entries(expected)
    .filter(([name, value]) => JSON.stringify(has[name]) !== JSON.stringify(value))
    .map(([name, value]) => `${subject} has ${name} ${JSON.stringify(has[name])}, expected ${JSON.stringify(value)}`);
}
