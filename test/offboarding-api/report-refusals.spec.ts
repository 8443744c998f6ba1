/** A service with the guard reports first refusals to the real worker, and is never disturbed by it. */
import { reportRefusals, type Refusal } from '#access-guard';
import { createLogger } from '#platform';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { eventually } from '../support/waiting.js';
import { Rig, type Tenant } from './rig.js';
import { credentialOf } from '../support/internal-api.js';

/** Limit of a test that waits, on a busy machine. */
const PATIENCE_MS = 90_000;

let rig: Rig;
let tenant: Tenant;
let proxy: Proxy;
let logged: string;
beforeAll(async () => {
  rig = await Rig.start();
  proxy = await Proxy.start(rig.url);
});
beforeEach(async () => {
  tenant = await rig.addTenant();
  proxy.reset();
  logged = '';
});
afterAll(async () => {
  await proxy.stop();
  await rig.close();
});

/** A proxy before the worker; answers as a test says, and forwards everything else. */
class Proxy {
  requests = 0;
  atOnce = 0;
  most = 0;
  /** Answers instead of the worker; false = forward the request. */
  instead: (response: ServerResponse, path: string) => boolean = () => false;

  private constructor(
    private readonly server: Server,
    private readonly target: string,
  ) {}

  static async start(target: string): Promise<Proxy> {
    const server = createServer();
    const proxy = new Proxy(server, target);
    server.on('request', (request, response) => void proxy.answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  reset(): void {
    this.requests = this.most = 0;
    this.instead = () => false;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++;
    this.most = Math.max(this.most, ++this.atOnce);
    response.on('close', () => this.atOnce--);
    let body = '';
    for await (const chunk of request) body += String(chunk);
    if (this.instead(response, request.url ?? '')) return;
    const { authorization = '', 'content-type': type = '' } = request.headers;
    const answer = await fetch(this.target + request.url, {
      method: 'POST',
      headers: { authorization, 'content-type': type },
      body,
    });
    response.writeHead(answer.status).end(await answer.text());
  }

  stop(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(() => resolve()));
  }
}

const logger = createLogger(
  'incidents',
  'info',
  new Writable({ write: (chunk, _, done) => ((logged += String(chunk)), done()) }),
);
const reporter = (change: Partial<Parameters<typeof reportRefusals>[0]> = {}) =>
  reportRefusals({
    url: `${proxy.url}/`,
    token: credentialOf('incidents'),
    logger,
    retryAfterMs: 1,
    timeoutMs: 60_000,
    ...change,
  });
const refusal = (tenantId = tenant.id): Refusal => ({ tenantId, reason: 'account_inactive', notBefore: Date.now() });

async function offboarded(): Promise<{ account: string; id: string }> {
  const account = await rig.addPerson(tenant, `${randomUUID()}@example.com`, { desired_access: 'disabled' });
  const id = await rig.addCase(
    tenant,
    account,
    {},
    { pushed_at: `now - interval '1 min'`, fenced_at: `now - interval '1 min'` },
  );
  return { account, id };
}
const recorded = (id: string, at: Date): Promise<void> =>
  eventually(async () => {
    expect(await rig.caseOf(id)).toMatchObject({ first_refused_at: at, first_refused_by: 'incidents' });
  }, 60_000);
const loggedReason = (reason: string | RegExp): Promise<void> =>
  eventually(async () => {
    await Promise.resolve();
    expect(logged).toContain('"code":"refusal_not_reported"');
    expect(logged).toMatch(reason);
  }, 60_000);

it(
  'a refusal is recorded in its case',
  async () => {
    const { account, id } = await offboarded();
    const at = new Date();
    expect(reporter()(account, at, refusal())).toBeUndefined();
    await recorded(id, at);
    expect(logged).toBe('');
  },
  PATIENCE_MS,
);

it.each([
  ['answers 503', (response: ServerResponse) => response.writeHead(503).end('{}')],
  ['answers 429', (response: ServerResponse) => response.writeHead(429).end('{}')],
  ['breaks the connection', (response: ServerResponse) => response.destroy()],
  ['does not answer', () => undefined],
])(
  'a report is repeated if the worker %s',
  async (_, fault) => {
    const { account, id } = await offboarded();
    proxy.instead = (response) => {
      if (proxy.requests > 3) return false;
      fault(response);
      return true;
    };
    const at = new Date();
    reporter({ timeoutMs: 2_000 })(account, at, refusal());
    await recorded(id, at);
    // A slow machine may time out once more; repeating a report changes nothing.
    expect(proxy.requests).toBeGreaterThanOrEqual(4);
  },
  PATIENCE_MS,
);

it(
  'a report that the worker cannot process does not delay the others',
  async () => {
    const [poison, good] = [await offboarded(), await offboarded()];
    let broken = true;
    proxy.instead = (response, path) => {
      if (!broken || !path.includes(poison.account)) return false;
      response.writeHead(500).end();
      return true;
    };
    const report = reporter();
    const at = new Date();
    report(poison.account, at, refusal());
    report(good.account, at, refusal());
    await recorded(good.id, at);
    broken = false;
    await recorded(poison.id, at);
  },
  PATIENCE_MS,
);

it(
  'many reports are sent one after the other, and all arrive',
  async () => {
    const people = await Promise.all(Array.from({ length: 50 }, offboarded));
    const report = reporter();
    const at = new Date();
    for (const { account } of people) report(account, at, refusal());
    await eventually(async () => {
      const [row] = await rig.database.query<{ n: number }>(
        'select count(*)::int as n from offboarding_case where tenant = $1 and first_refused_at = $2',
        [tenant.id, at],
      );
      expect(row?.n).toBe(50);
    }, 60_000);
    expect([proxy.requests, proxy.most]).toEqual([50, 1]);
  },
  PATIENCE_MS,
);

it(
  'a report is dropped and logged after many attempts',
  async () => {
    proxy.instead = (response) => (response.writeHead(500).end(JSON.stringify({ detail: 'broken' })), true);
    reporter({ retryAfterMs: 0 })(randomUUID(), new Date(), refusal());
    await loggedReason(/answered 500: broken/);
    expect(proxy.requests).toBe(50);
  },
  PATIENCE_MS,
);

it(
  'a report that the worker refuses is not repeated',
  async () => {
    const { account, id } = await offboarded();
    reporter({ token: 'wrong-token' })(account, new Date(), refusal());
    await loggedReason(/answered 401/);
    reporter()(randomUUID(), new Date(), refusal());
    await loggedReason(/answered 404/);
    expect(proxy.requests).toBe(2);
    expect(logged).not.toContain('wrong-token');
    expect((await rig.caseOf(id))?.first_refused_at).toBeNull();
  },
  PATIENCE_MS,
);

it(
  'a redirect is not followed with the token',
  async () => {
    const { account } = await offboarded();
    let elsewhere = 0;
    const other = createServer((_, response) => (elsewhere++, response.end())).listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}/`;
    proxy.instead = (response) => (response.writeHead(307, { location }).end(), true);
    try {
      reporter({ retryAfterMs: 0 })(account, new Date(), refusal());
      await loggedReason('');
    } finally {
      other.closeAllConnections();
      other.close();
    }
    expect(elsewhere).toBe(0);
  },
  PATIENCE_MS,
);

it(
  'a limited number of reports is queued while the worker is unavailable, without waiting or throwing',
  () => {
    proxy.instead = () => true; // never answered
    const report = reporter({ retryAfterMs: 600_000 });
    for (let i = 0; i < 5_001; i++) report(randomUUID(), new Date(), refusal());
    expect(logged).toBe('');
    report(randomUUID(), new Date(), refusal());
    expect(logged).toContain('other reports already wait');
    expect(logged.trim().split('\n')).toHaveLength(1);
  },
  PATIENCE_MS,
);

it(
  'ids of another form stay within the path',
  async () => {
    reporter()('../../held/release', new Date(), refusal('../x'));
    await loggedReason(/answered 400/);
  },
  PATIENCE_MS,
);
