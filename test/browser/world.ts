/** One stack, one Chromium, and one organization in the sandbox Okta for all browser tests. */
import type { Browser, Page } from 'playwright-core';
import { until } from '../support/waiting.js';
import { TestStack } from '../support/stack.js';
import { launch } from './chromium.js';
import { Person } from './person.js';

export const LIMIT_MS = 120_000;

/** Every person has an account, roles and a Cognito user, and auth-service has learned of them. */
const READY = `
  select a.roles, a.access_status as status,
         array(select m.group_name from sandbox.cognito_user u join sandbox.cognito_membership m using (pool_id, username_key)
                where u.username = a.id::text) as groups
    from auth.account a where a.user_name = $1`;

export class World {
  private readonly people: Person[] = [];

  private constructor(
    readonly stack: TestStack,
    private readonly browser: Browser,
  ) {}

  static async create(): Promise<World> {
    const [stack, browser] = await Promise.all([TestStack.start({ example: true }), launch()]);
    return new World(stack, browser);
  }

  async end(): Promise<void> {
    await this.browser.close();
    await this.stack.stop();
  }

  async person(): Promise<Person> {
    const person = await Person.before(this.browser, this.stack.description.edge);
    this.people.push(person);
    return person;
  }

  /** Closes all browsers. Returns the faults of their pages. */
  async farewell(): Promise<string[]> {
    const leaving = this.people.splice(0);
    await Promise.all(leaving.map((person) => person.leave()));
    return leaving.flatMap((person) => person.faults);
  }

  /** Assigns a person in Okta and adds them to these groups. Resolves when StackFlow has processed both. */
  async employ(
    login: string,
    [firstName, lastName]: [string, string],
    roles: Readonly<Record<string, string>>,
  ): Promise<void> {
    await this.stack.okta('assign', { login, profile: { firstName, lastName } });
    for (const group of Object.keys(roles)) await this.stack.okta('push-group', { group, members: [login] });
    const wanted = Object.values(roles).sort().join();
    await until(
      `${login} as ${wanted}`,
      async () => {
        const [row] = await this.stack.query<{ roles: string[]; groups: string[]; status: string }>(READY, [login]);
        const is = (list: string[] | undefined): boolean => list?.toSorted().join() === wanted;
        return row?.status === 'active' && is(row.roles) && is(row.groups);
      },
      LIMIT_MS,
    );
  }

  /** Injects a fault into the sandbox Cognito. The returned function removes it. */
  async breakCognito(fault: object): Promise<() => Promise<void>> {
    const url = `${this.stack.description.sandbox.cognito}/sandbox/faults`;
    await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(fault) });
    return async () => void (await fetch(url, { method: 'DELETE' }));
  }
}

/** Reloads the page until it shows the text, like an impatient person. */
export const reloadUntil = (tab: Page, text: string): Promise<true> =>
  until(
    text,
    async () => {
      await tab.getByRole('status').waitFor({ state: 'hidden' });
      if (await tab.getByText(text).isVisible()) return true;
      await tab.reload();
      return false;
    },
    LIMIT_MS,
  );
