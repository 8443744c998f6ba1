/**
 * A refused person sees a page with the next step, at any width. A person whose account is not ready sees a page that
 * reloads by itself.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { until } from '../support/waiting.js';
import { LIMIT_MS, reloadUntil, type World } from './world.js';

/** Saves pictures of the pages: SCREENSHOTS=folder. */
async function picture(tab: Page, name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await tab.screenshot({ path: path.join(folder, `${name}.png`) });
}

/** Checks the page of a refusal: complete, without scripts, not wider than a small telephone. */
async function expectRefusal(tab: Page, code: string, title: string, advice: RegExp): Promise<void> {
  await tab.getByText(`Code: ${code}`).waitFor();
  expect(await tab.getByRole('heading', { level: 1 }).textContent()).toBe(title);
  expect(await tab.getByRole('main').textContent()).toMatch(advice);
  expect(await tab.locator('script').count()).toBe(0);
  await picture(tab, code);
  const before = tab.viewportSize();
  await tab.setViewportSize({ width: 320, height: 600 });
  expect(await tab.evaluate('document.documentElement.scrollWidth')).toBe(320);
  await picture(tab, `${code}-narrow`);
  if (before) await tab.setViewportSize(before);
}

export function refused(world: () => World): void {
  const signIn = async (login: string): Promise<Page> => (await world().person()).signIn(login, '/desk/incidents/42');
  const assign = (login: string, firstName = 'New'): Promise<unknown> =>
    world().stack.okta('assign', { login, profile: { firstName, lastName: 'Person' } });

  it(
    'tells a person without a StackFlow account so',
    async () => {
      const { stack } = world();
      const connect = (token: string): Promise<Response> =>
        fetch(`${stack.description.sandbox.okta}/sandbox/apps/default`, {
          method: 'PUT',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ scimBaseUrl: stack.tenant.scimBaseUrl, token, mode: 'aiw' }),
        });
      await connect('a-token-that-was-revoked');
      await assign('stranger@example.com');
      await connect(stack.tenant.scimToken);
      await expectRefusal(
        await signIn('stranger@example.com'),
        'unknown_person',
        'You have no StackFlow account',
        /Ask the administrator .* assign you to StackFlow in Okta/,
      );
    },
    LIMIT_MS,
  );

  it(
    'refuses a person with a deactivated account, although Okta accepts them',
    async () => {
      const { stack } = world();
      const login = 'rosalind@example.com';
      await world().employ(login, ['Rosalind', 'Franklin'], { 'StackFlow-Agents': 'itsm_agent' });
      const { Resources } = (await (
        await stack.scim('GET', `/Users?filter=${encodeURIComponent(`userName eq "${login}"`)}`)
      ).json()) as { Resources: { id: string }[] };
      await stack.scim('PATCH', `/Users/${Resources[0]?.id}`, {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [{ op: 'replace', value: { active: false } }],
      });
      const inactive = `select 1 from auth.account where user_name = $1 and account_status = 'inactive'`;
      await until('inactive', async () => (await stack.query(inactive, [login]))[0], LIMIT_MS);
      await expectRefusal(
        await signIn(login),
        'account_inactive',
        'Your StackFlow account is switched off',
        /Ask the administrator .* in Okta again/,
      );
    },
    LIMIT_MS,
  );

  it(
    'explains the refusal to a person whom Okta refuses because the app is not assigned',
    async () => {
      const person = await world().person();
      await assign('visitor@example.com');
      await world().stack.okta('unassign', { login: 'visitor@example.com' });
      const tab = await person.open('/auth/okta/login');
      await tab.getByLabel('Username').fill('visitor@example.com');
      await tab.getByRole('button', { name: 'Sign in', exact: true }).click();
      await expectRefusal(tab, 'okta_denied', 'Okta denied your sign-in', /Ask the administrator .* assign you/);
    },
    LIMIT_MS,
  );

  it(
    'leaves a person who is suspended in Okta on Okta’s page',
    async () => {
      await world().employ('katherine@example.com', ['Katherine', 'Johnson'], { 'StackFlow-Agents': 'itsm_agent' });
      await world().stack.okta('suspend', { login: 'katherine@example.com' });
      const person = await world().person();
      const tab = await person.open('/auth/okta/login');
      await tab.getByLabel('Username').fill('katherine@example.com');
      await tab.getByRole('button', { name: 'Sign in', exact: true }).click();
      await tab.getByRole('alert').getByText('Unable to sign in').waitFor();
      expect(await person.session(await person.open('/desk'))).toBeNull();
    },
    LIMIT_MS,
  );

  it(
    'refuses a link that leads away from StackFlow',
    async () => {
      const person = await world().person();
      const tab = await person.open('/auth/okta/login?returnTo=https%3A%2F%2Fevil.example%2F');
      await expectRefusal(
        tab,
        'bad_return_to',
        'This link leads away from StackFlow',
        /Open StackFlow at its own address/,
      );
      expect(await tab.getByRole('link').count()).toBe(0);
    },
    LIMIT_MS,
  );

  it(
    'signs a person in from a waiting page as soon as their Cognito user is ready',
    async () => {
      const mend = await world().breakCognito({ effect: 'throttle', operation: 'AdminCreateUser' });
      const login = 'hedy@example.com';
      try {
        await assign(login, 'Hedy');
        const tab = await signIn(login);
        await expectRefusal(tab, 'not_provisioned', 'Your account is being set up', /tries again by itself/);
        expect(await tab.getByRole('progressbar').isVisible()).toBe(true);
        await mend();
        await tab.waitForURL((url) => url.pathname === '/desk/incidents/42');
        await reloadUntil(tab, login);
      } finally {
        await mend();
      }
    },
    LIMIT_MS,
  );
}
