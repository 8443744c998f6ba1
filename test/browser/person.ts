/** A person with a browser of their own: its cookies, its tabs, and the actions in them. */
import type { Browser, BrowserContext, Page } from 'playwright-core';

/** Generous, because the two cores may be busy. */
const PATIENCE_MS = 60_000;

export interface Session {
  readonly account: { readonly id: string; readonly userName: string };
  readonly tenant: { readonly id: string };
  readonly roles: readonly string[];
  readonly primaryRole: string | null;
  readonly accessToken: string;
}

export class Person {
  /** Faults of a page: violations of its content security policy, and errors of its scripts. */
  readonly faults: string[] = [];

  private constructor(
    readonly context: BrowserContext,
    /** Base URL of StackFlow. */
    readonly origin: string,
  ) {
    context.setDefaultTimeout(PATIENCE_MS);
    context.on('weberror', (error) => void this.faults.push(error.error().message));
    context.on('console', (message) => {
      if (/Content Security Policy/i.test(message.text())) this.faults.push(message.text());
    });
  }

  static async before(browser: Browser, origin: string): Promise<Person> {
    return new Person(await browser.newContext({ viewport: { width: 900, height: 700 } }), origin);
  }

  leave(): Promise<void> {
    return this.context.close();
  }

  /** Opens a tab at a path of StackFlow. */
  async open(path: string): Promise<Page> {
    const tab = await this.context.newPage();
    await tab.goto(this.origin + path);
    return tab;
  }

  /** Signs in on Okta's list of people. Resolves when the tab is at StackFlow again. */
  async signIn(login: string, path = '/desk'): Promise<Page> {
    const tab = await this.open(`/auth/okta/login?returnTo=${encodeURIComponent(path)}`);
    await this.pick(tab, login);
    return tab;
  }

  async pick(tab: Page, login: string): Promise<void> {
    await tab.getByRole('button', { name: login }).click();
    await tab.waitForURL((url) => url.origin === this.origin);
  }

  /** GET /auth/session, as a script of the page sees it; null = there is no session. */
  async session(tab: Page): Promise<Session | null> {
    const { status, body } = await this.ask(tab, 'GET', '/auth/session');
    if (status !== 200 && status !== 401) throw new Error(`/auth/session answered ${status}`);
    return status === 200 ? (body as Session) : null;
  }

  ask(tab: Page, method: string, path: string): Promise<{ status: number; body: unknown }> {
    return tab.evaluate(
      async (asked) => {
        const answer = await fetch(asked.path, { method: asked.method });
        return { status: answer.status, body: await answer.json() };
      },
      { method, path },
    );
  }
}
