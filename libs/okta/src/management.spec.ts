/** The client against answers that are not Okta's: those of a proxy, a wrong domain or an attacker. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { Metrics } from '#platform';
import { OktaError } from './errors.js';
import { OktaManagement, type OktaManagementOptions } from './management.js';

const TOKEN = '00secretsecretsecretsecretsecretsecretsecr';
const ANNA = '00u1ero7vZFVEIYLWPBN';
const APP = '0oa1ero7vZFVEIYLWPBN';
const anna = { id: ANNA, status: 'ACTIVE', profile: { login: 'anna@example.com' } };

type Respond = (request: http.IncomingMessage, response: http.ServerResponse) => void;
let server: http.Server;
let endpoint: string;
let respond: Respond;
const requests: string[] = [];
beforeAll(async () => {
  server = http.createServer((request, response) => {
    requests.push(request.url ?? '');
    respond(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  requests.length = 0;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const metrics = new Metrics('test', { process: false });
const okta = (change: Partial<OktaManagementOptions> = {}): OktaManagement =>
  new OktaManagement({ domain: 'acme.okta.com', endpoint, apiToken: TOKEN, metrics, ...change });
const answers =
  (status: number, body: unknown, headers: http.OutgoingHttpHeaders = {}): Respond =>
  (_request, response) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
  };
const fails = async (work: Promise<unknown>): Promise<OktaError> => {
  const error = await work.then(
    () => null,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(OktaError);
  const failure = error as OktaError;
  expect(`${failure.message}${inspect(failure)}`).not.toContain(TOKEN);
  expect(failure.message).not.toContain('anna@example.com');
  return failure;
};
const all = async (items: AsyncIterable<unknown>): Promise<unknown[]> => {
  const found: unknown[] = [];
  for await (const item of items) found.push(item);
  return found;
};

describe('a refusal of Okta', () => {
  const code = (errorCode: string) => ({ errorCode, errorSummary: 'anna@example.com', errorCauses: [] });

  it.each([
    [401, code('E0000011'), 'unauthorized', false],
    [401, '', 'unauthorized', false],
    [403, code('E0000006'), 'forbidden', false],
    [500, code('E0000009'), 'unavailable', true],
    [503, '<html>maintenance</html>', 'unavailable', true],
    [408, '', 'unavailable', true],
    [400, code('E0000031'), 'invalid_answer', false],
    [404, '<html>no such org</html>', 'invalid_answer', false],
    [404, code('E0000008'), 'invalid_answer', false],
  ])('with status %i and body %j has the code %s', async (status, body, expected, retryable) => {
    respond = answers(status, body);
    expect(await fails(okta().user(ANNA))).toMatchObject({ code: expected, retryable, status });
    expect(requests).toEqual([`/api/v1/users/${ANNA}`]);
  });

  it('means "no such user" only with Okta\'s own code', async () => {
    respond = answers(404, code('E0000007'));
    expect(await okta().user(ANNA)).toBeNull();
    expect(await fails(all(okta().appUsers(APP)))).toMatchObject({ code: 'not_found' });
  });
});

describe("an answer that is not Okta's", () => {
  it.each([
    ['no JSON', '<html>Log in to the hotel</html>'],
    ['a list', [anna]],
    ['null', null],
    ['no id', { ...anna, id: undefined }],
    ['a status of another type', { ...anna, status: 7 }],
    ['no profile', { ...anna, profile: undefined }],
    ['another user', { ...anna, id: '00u9ero7vZFVEIYLWPBN' }],
    ['an empty body', ''],
  ])('is refused if it is: %s', async (_what, body) => {
    respond = answers(200, body);
    expect(await fails(okta().user(ANNA))).toMatchObject({ code: 'invalid_answer', retryable: false });
  });

  it('invalidates the whole list, because a person left out would look like one who lost the app', async () => {
    respond = answers(200, [{ id: ANNA, status: 'PROVISIONED' }, { status: 'PROVISIONED' }]);
    expect(await fails(all(okta().appUsers(APP)))).toMatchObject({ message: expect.stringContaining('"1.id"') });
  });

  it.each([301, 302, 303, 307, 308])('is never a redirect that is followed: %i', async (status) => {
    respond = answers(status, '', { location: `${endpoint}/elsewhere` });
    expect(await fails(okta().me())).toMatchObject({ code: 'invalid_answer', status });
    expect(requests).toEqual(['/api/v1/users/me']);
  });

  it('is not read beyond the size limit', async () => {
    let closed: (() => void) | undefined;
    const ended = new Promise<void>((resolve) => (closed = resolve));
    respond = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = (): void => void (response.destroyed || response.write(' '.repeat(65_536), more));
      response.on('close', () => closed?.());
      more();
    };
    expect(await fails(okta({ maxBodyBytes: 200_000 }).me())).toMatchObject({ code: 'invalid_answer' });
    await ended;
  });

  it('never sends the request for the next page to another address', async () => {
    let elsewhereRequests = 0;
    const other = http.createServer((_request, response) => {
      elsewhereRequests++;
      response.end('[]');
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const elsewhere = `http://127.0.0.1:${(other.address() as AddressInfo).port}/api/v1/users?after=x`;
    respond = answers(200, [anna], { link: `<${elsewhere}>; rel="next"` });
    expect(await fails(all(okta().users()))).toMatchObject({ code: 'invalid_answer' });
    expect([requests.length, elsewhereRequests]).toEqual([1, 0]);
    await new Promise((resolve) => other.close(resolve));
  });

  it('ends a list whose pages link to each other in a circle', async () => {
    respond = (request, response) => {
      const after = request.url?.includes('after=b') ? 'a' : 'b';
      answers(200, [anna], { link: `<${endpoint}/api/v1/users?after=${after}>; rel="next"` })(request, response);
    };
    expect(await fails(all(okta().users()))).toMatchObject({ code: 'invalid_answer' });
    expect(requests).toHaveLength(3);
  });
});

describe('a missing answer', () => {
  it('is unavailable after the time limit, also in the middle of a body', async () => {
    respond = () => undefined;
    expect(await fails(okta({ timeoutMs: 100 }).me())).toMatchObject({
      code: 'unavailable',
      retryable: true,
      message: expect.stringContaining('100 ms'),
    });
    respond = (_request, response) => void response.writeHead(200).write('{"id":');
    expect(await fails(okta({ timeoutMs: 100 }).me())).toMatchObject({ code: 'unavailable' });
  });

  it('is unavailable if nothing listens or the connection breaks', async () => {
    respond = (request) => void request.socket.destroy();
    expect(await fails(okta().me())).toMatchObject({ code: 'unavailable', status: null });
    const free = http.createServer();
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
    const dead = `http://127.0.0.1:${(free.address() as AddressInfo).port}`;
    await new Promise((resolve) => free.close(resolve));
    expect(await fails(okta({ endpoint: dead }).me())).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('is unavailable when the service stops, during a request or a wait', async () => {
    const stop = new AbortController();
    respond = () => void stop.abort();
    expect(await fails(okta({ signal: stop.signal }).me())).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('stopping'),
    });
    const stopWait = new AbortController();
    respond = (request, response) => {
      const reset = Math.ceil(Date.now() / 1000) + 60;
      const limits = { 'x-rate-limit-limit': 10, 'x-rate-limit-remaining': 0, 'x-rate-limit-reset': reset };
      answers(429, '', limits)(request, response);
      setTimeout(() => stopWait.abort(), 50);
    };
    expect(await fails(okta({ signal: stopWait.signal }).me())).toMatchObject({ code: 'unavailable' });
  });
});

describe('the client sends no request', () => {
  it.each([
    '',
    '.',
    '..',
    'me',
    'anna@example.com',
    '../apps',
    '%2e%2e',
    '00u1ero7vZFVEIYLWPB',
    `${ANNA}/factors`,
    `${ANNA}?x`,
  ])('for the user id %p', async (id) => {
    respond = answers(200, anna);
    expect(await fails(okta().user(id))).toMatchObject({ code: 'not_found' });
    expect(await fails(all(okta().appUsers(id)))).toMatchObject({ code: 'not_found' });
    expect(requests).toEqual([]);
  });

  it('to an address that is no org, or with a text that cannot be a token', () => {
    const make = (change: Partial<OktaManagementOptions>) => () => okta(change);
    expect(make({ endpoint: undefined, domain: 'evil.example' })).toThrow(
      expect.objectContaining({ code: 'invalid_domain' }),
    );
    for (const apiToken of ['', 'a b', 'a\r\nx: y', 'tök', 'x'.repeat(513)])
      expect(make({ apiToken })).toThrow(
        expect.objectContaining({ code: 'unauthorized', message: expect.not.stringContaining('x: y') }),
      );
  });
});

it('sends the token in one header and never shows it when the client is inspected', async () => {
  let headers: http.IncomingHttpHeaders = {};
  respond = (request, response) => {
    headers = request.headers;
    answers(200, anna)(request, response);
  };
  const client = okta();
  expect(await client.user(ANNA)).toMatchObject({ id: ANNA, status: 'ACTIVE', statusChanged: null });
  expect(headers.authorization).toBe(`SSWS ${TOKEN}`);
  expect(inspect(client, { depth: 10, showHidden: true })).not.toContain(TOKEN);
  expect(await metrics.registry.metrics()).toMatch(/okta_calls_total\{.*operation="user",outcome="200".*\} \d/);
});
