/** Many tabs of one browser at the same time, and the ways in which a session ends. */
import type { Page } from 'playwright-core';
import { until } from '../support/waiting.js';
import { ADA, GRACE } from './sign-in.js';
import { LIMIT_MS, reloadUntil, type World } from './world.js';

const SESSION = '__Host-sf_session';
const ACCEPTED = 'The guarded service accepted you';

export function tabs(world: () => World): void {
  it(
    'signs in several tabs at once, and returns each to its first page',
    async () => {
      const person = await world().person();
      const paths = ['/desk/incidents/1', '/desk/incidents/2?a=b', '/desk/incidents/3#c', '/?d'];
      const open = await Promise.all(paths.map((path) => person.open(path)));
      await Promise.all(open.map((tab) => tab.getByRole('link', { name: 'Sign in with Okta' }).click()));
      await Promise.all(open.map((tab) => person.pick(tab, ADA)));
      expect(open.map((tab) => tab.url())).toEqual(paths.map((path) => person.origin + path));
      for (const tab of open) expect(await person.session(tab)).toMatchObject({ account: { userName: ADA } });
    },
    LIMIT_MS,
  );

  it(
    'renews the session from all tabs at the same moment, repeatedly, without taking that for theft',
    async () => {
      const person = await world().person();
      const first = await person.signIn(ADA);
      const open = [first, ...(await Promise.all([1, 2, 3, 4].map(() => person.open('/desk'))))];
      const cookie = async (): Promise<string | undefined> =>
        (await person.context.cookies()).find(({ name }) => name === SESSION)?.value;
      for (let round = 0; round < 3; round++) {
        const before = await cookie();
        const answers = await Promise.all(open.map((tab) => person.ask(tab, 'POST', '/auth/refresh')));
        expect(answers.map(({ status }) => status)).toEqual(open.map(() => 200));
        expect(await cookie()).not.toBe(before);
        for (const tab of open) expect(await person.session(tab)).not.toBeNull();
      }
    },
    LIMIT_MS,
  );

  it(
    'ends the session in every tab on sign-out, and for copies of the cookie, and keeps the session with Okta',
    async () => {
      const person = await world().person();
      const tab = await person.signIn(ADA);
      const other = await person.open('/desk');
      const kept = await person.context.cookies();
      await tab.getByRole('button', { name: 'Sign out', exact: true }).click();
      await tab.getByRole('heading', { name: 'You are signed out' }).waitFor();
      await other.getByRole('button', { name: 'Renew the session' }).click();
      await other.getByRole('heading', { name: 'You are signed out' }).waitFor();
      const thief = await world().person();
      await thief.context.addCookies(kept.filter(({ name }) => name === SESSION));
      expect(await thief.session(await thief.open('/desk'))).toBeNull();
      await tab.getByRole('link', { name: 'Sign in with Okta' }).click();
      await reloadUntil(tab, ACCEPTED); // without the list of people
    },
    LIMIT_MS,
  );

  it(
    'signs out of Okta too on request, returns to StackFlow, and then asks who signs in',
    async () => {
      const person = await world().person();
      const tab = await person.signIn(ADA);
      await tab.getByRole('button', { name: 'Sign out here and at Okta' }).click();
      await tab.waitForURL(`${person.origin}/`);
      await tab.getByRole('heading', { name: 'You are signed out' }).waitFor();
      await tab.getByRole('link', { name: 'Sign in with Okta' }).click();
      await person.pick(tab, GRACE);
      expect(await person.session(tab)).toMatchObject({ account: { userName: GRACE } });
    },
    LIMIT_MS,
  );

  it(
    'refuses the next action of a person who is unassigned during a session, and a new sign-in',
    async () => {
      const login = 'mary@example.com';
      await world().employ(login, ['Mary', 'Jackson'], {
        'StackFlow-Viewers': 'viewer',
        'StackFlow-Agents': 'itsm_agent',
      });
      const person = await world().person();
      const tab = await person.signIn(login);
      await reloadUntil(tab, ACCEPTED);
      await world().stack.okta('unassign', { login });
      await until('a refusal', () => openIncident(tab), LIMIT_MS);
      expect(await tab.getByText(ACCEPTED).isVisible()).toBe(false);
      await until('the session ends', async () => (await person.session(tab)) === null, LIMIT_MS);
      await tab.reload();
      await tab.getByRole('link', { name: 'Sign in with Okta' }).click();
      await tab.getByText('Code: okta_denied').waitFor();
    },
    LIMIT_MS,
  );
}

/** True if it was refused. The first attempts may still succeed, until the case is opened, decided and published. */
async function openIncident(tab: Page): Promise<boolean> {
  const refused = tab.getByRole('alert').or(tab.getByRole('heading', { name: 'You are signed out' }));
  await tab.getByLabel('What happened?').fill('Too late');
  const answered = tab.waitForResponse((r) => r.url().endsWith('/incidents') && r.request().method() === 'POST');
  await tab.getByRole('button', { name: 'Open an incident' }).click();
  if ((await answered).ok()) return false;
  await refused.first().waitFor();
  return true;
}
