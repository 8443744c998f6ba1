/** Clients that send a request half, slowly, or go away in the middle of it. */
import { jest } from '@jest/globals';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { LOGGER, type Logger } from '#platform';
import { HostileProvider } from '../support/auth-provider.js';
import { AuthRig, type Instance } from '../support/auth.js';
import { BASE, startGateway, type TestGateway, type TestTenant } from '../support/gateway.js';
import { until } from '../support/waiting.js';

interface Sent {
  readonly socket: Socket;
  /** Everything that the server answered, when it has closed the connection. */
  readonly closed: Promise<string>;
}

function send(port: number, bytes: string): Promise<Sent> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, () => resolve({ socket, closed })));
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString())).on('error', () => undefined);
    const closed = new Promise<string>((done) => socket.once('close', () => done(text)));
  });
}

const head = (path: string, length: number, more = '') =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n${more}\r\n`;

const aborted = async ({ metrics }: TestGateway): Promise<number> => {
  const text = await metrics.registry.getSingleMetricAsString('http_requests_aborted_total');
  return Number(/^http_requests_aborted_total\{.*\} (\d+)$/m.exec(text)?.[1] ?? 0);
};

describe('auth-service', () => {
  let op: HostileProvider;
  let rig: AuthRig;
  let service: Instance;
  beforeAll(async () => {
    op = await new HostileProvider().start();
    rig = await AuthRig.start(op.origin);
    service = await rig.startService({ REQUEST_TIMEOUT_SECONDS: '2' });
  }, 120_000);
  afterAll(async () => {
    await rig.close();
    await op.stop();
  });

  it('ends 100 half-sent anonymous requests with 408 when their time is over', async () => {
    const port = Number(new URL(service.url).port);
    const bytes = head('/auth/okta/obo/token', 1_000) + 'grant_type=';
    const sent = await Promise.all(Array.from({ length: 100 }, () => send(port, bytes)));
    for (const answer of await Promise.all(sent.map(({ closed }) => closed))) expect(answer).toMatch(/^HTTP\/1.1 408 /);
    expect((await fetch(`${service.url}/health/live`)).status).toBe(200);
  });

  it('ends half-sent headers, too', async () => {
    const port = Number(new URL(service.url).port);
    const { closed } = await send(port, 'POST /auth/okta/obo/token HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    expect(await closed).toMatch(/^HTTP\/1.1 408 /);
  });
});

describe('scim-gateway', () => {
  let gateway: TestGateway;
  let tenant: TestTenant;
  beforeAll(async () => {
    gateway = await startGateway({ REQUEST_TIMEOUT_SECONDS: '12' });
    tenant = await gateway.createTenant();
  });
  afterAll(() => gateway.close());
  const authorization = () => `Authorization: Bearer ${tenant.token}\r\n`;

  it('accepts an upload of 7 MiB that arrives slowly, and ends half-sent ones with a SCIM error', async () => {
    const halfSent = await Promise.all(
      Array.from({ length: 20 }, () => send(gateway.port, `${head(`${BASE}/Users`, 100, authorization())}{"userN`)),
    );
    const body = JSON.stringify({ displayName: 'slow', junk: Array<string>(14).fill('x'.repeat(512 * 1024)) });
    const slow = await send(gateway.port, head(`${BASE}/Groups`, body.length, authorization()));
    const piece = Math.ceil(body.length / 30);
    for (let at = 0; at < body.length; at += piece) {
      slow.socket.write(body.slice(at, at + piece));
      await sleep(100);
    }
    const found = async () =>
      (await tenant.send('GET', '/Groups?filter=displayName%20eq%20%22slow%22')).body.totalResults;
    await until('the group', async () => (await found()) === 1);
    slow.socket.destroy();
    for (const answer of await Promise.all(halfSent.map(({ closed }) => closed))) {
      expect(answer).toMatch(/^HTTP\/1.1 408 [^]*application\/scim\+json/);
      expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ status: '408' });
    }
  });

  it('counts requests whose client goes away, and logs no error', async () => {
    const logger = gateway.app.get<Logger>(LOGGER);
    const [error, info] = [jest.spyOn(logger, 'error'), jest.spyOn(logger, 'info')];
    const before = await aborted(gateway);
    const sent = await Promise.all(
      Array.from({ length: 10 }, () => send(gateway.port, `${head(`${BASE}/Users`, 100, authorization())}{"userN`)),
    );
    await sleep(200); // so that the bytes arrive before the end
    for (const { socket } of sent) socket.destroy();
    await until('ten aborted requests', async () => (await aborted(gateway)) === before + 10);
    await until('their log lines', () => info.mock.calls.filter(([, text]) => text === 'scim request').length >= 10);
    expect(error).not.toHaveBeenCalled();
    for (const [fields] of info.mock.calls) expect(fields).not.toHaveProperty('err');
    const statuses = info.mock.calls.map(([fields]) => (fields as { status?: number }).status).filter(Boolean);
    expect(new Set(statuses)).toEqual(new Set([400]));
    error.mockRestore();
    info.mockRestore();
  });
});
