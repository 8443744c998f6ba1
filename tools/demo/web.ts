/** A simple browser that can sign in: it stores cookies, follows redirects one by one, and submits one form. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DemoProblem } from './stack.js';
import type { Moment } from './timeline.js';

interface Answer {
  readonly status: number;
  /** Absolute URL of a redirect. Null means that the response is not a redirect. */
  readonly location: string | null;
  readonly text: string;
}

const UNAVAILABLE = 503;

export class Web {
  /** The times of all requests and responses. */
  readonly moments: Moment[] = [];
  /** Cookies by name. Everything is on localhost, where cookies do not depend on the port. */
  private readonly cookies = new Map<string, string>();

  get(url: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.ask(url, { headers });
  }

  /** Sends a request as a script on a page of the same origin would. */
  post(url: string): Promise<Answer> {
    return this.ask(url, { method: 'POST', headers: { origin: new URL(url).origin, 'sec-fetch-site': 'same-origin' } });
  }

  submit(url: string, fields: Record<string, string>): Promise<Answer> {
    return this.ask(url, { method: 'POST', body: new URLSearchParams(fields) });
  }

  /** Follows redirects, and pages that reload themselves, until another page is shown. */
  async follow(answer: Answer, url: string): Promise<{ answer: Answer; url: string }> {
    for (let at = { answer, url }, steps = 0; ; steps++) {
      const { location } = at.answer;
      if (location === null && at.answer.status !== UNAVAILABLE) return at;
      if (steps > 20)
        throw new DemoProblem(`The sign-in redirects too often. The last address was ${withoutQuery(at.url)}.`);
      if (location === null) await sleep(1_000);
      const next = location ?? at.url;
      at = { answer: await this.get(next), url: next };
    }
  }

  private async ask(url: string, init: RequestInit): Promise<Answer> {
    const headers = new Headers(init.headers);
    if (this.cookies.size > 0) headers.set('cookie', [...this.cookies].map((pair) => pair.join('=')).join('; '));
    const { pathname } = new URL(url);
    this.moments.push({ at: Date.now(), what: `The browser requests ${init.method ?? 'GET'} ${pathname}.` });
    const response = await fetch(url, { ...init, headers, redirect: 'manual' }).catch(() => {
      throw new DemoProblem(`${withoutQuery(url)} does not answer. Is the stack still running?`);
    });
    const text = await response.text();
    this.moments.push({ at: Date.now(), what: `The browser receives ${response.status} from ${pathname}.` });
    for (const line of response.headers.getSetCookie()) this.keep(line);
    const location = response.headers.get('location');
    return { status: response.status, location: location === null ? null : new URL(location, url).href, text };
  }

  private keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (/;\s*max-age=0/i.test(line)) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}

/** Removes the query from a URL, because codes and states are secret and must not be printed. */
const withoutQuery = (url: string): string => url.split('?', 1)[0] ?? '';
