/** A browser that signs in. It has cookies for each site and follows redirects singly, to time the callback. */
import { Agent, request } from 'node:http';

/** Connections are shared, because a real browser reuses open connections. */
const agent = new Agent({ keepAlive: true });

interface Page {
  readonly status: number;
  readonly location: string;
  readonly body: string;
}

export class Visitor {
  private readonly cookies = new Map<string, string>();

  constructor(
    private readonly service: string,
    private readonly okta: string,
  ) {}

  /** Signs in on Okta's page. Returns the milliseconds of the callback. */
  async signIn(login: string): Promise<number> {
    const begun = await this.visit('GET', `${this.service}/auth/okta/login?returnTo=%2Fincidents`, 302);
    const page = await this.visit('GET', begun.location, 200);
    const stateToken = /name="stateToken" value="([^"]+)"/.exec(page.body)?.[1] ?? '';
    const form = new URLSearchParams({ stateToken, username: login }).toString();
    const back = new URL((await this.visit('POST', `${this.okta}/signin`, 303, form)).location);
    const at = performance.now();
    const { location } = await this.visit('GET', `${this.service}${back.pathname}${back.search}`, 303);
    const took = performance.now() - at;
    if (location !== '/incidents') throw new Error(`${login} landed at ${location}`);
    return took;
  }

  private visit(method: string, url: string, expected: number, form?: string): Promise<Page> {
    const { origin } = new URL(url);
    const cookie = this.cookies.get(origin);
    const headers = {
      ...(cookie !== undefined && { cookie }),
      ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
    };
    return new Promise((resolve, reject) => {
      const sent = request(url, { method, agent, headers }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const body = Buffer.concat(chunks).toString();
          const status = answer.statusCode ?? 0;
          const [set] = answer.headers['set-cookie'] ?? [];
          if (set !== undefined) this.cookies.set(origin, set.split(';')[0] ?? '');
          if (status === expected) return resolve({ status, location: answer.headers.location ?? '', body });
          reject(new Error(`${method} ${url}: ${status} instead of ${expected}: ${body.slice(0, 2_000)}`));
        });
      });
      sent.on('error', reject);
      sent.end(form);
    });
  }
}
