/** How the log of SCIM requests is written, retried and trimmed, and the log line of a request. */
import { jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger, LOGGER, type Logger } from '#platform';
import { RequestLog, type RequestRecord } from '../../apps/scim-gateway/src/activity/request-log.js';
import { RequestLogRetention } from '../../apps/scim-gateway/src/activity/retention.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { until } from '../support/waiting.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const stored = async (tenantId: string) =>
  (await gateway.sql('select 1 from directory.scim_request where tenant_id = $1', [tenantId])).length;

it('the request log is retried less and less often while its table is missing, with one warning, and loses no row', async () => {
  const lines: string[] = [];
  const logger = createLogger('scim-gateway', 'info', { write: (line) => void lines.push(line) });
  const query = jest.spyOn(gateway.database, 'query');
  const log = new RequestLog(gateway.database, gateway.metrics, logger);
  const record = { id: randomUUID(), tenantId: randomUUID(), at: new Date(), method: 'GET', url: '/', status: 200 };
  await gateway.sql('alter table directory.scim_request rename to scim_request_away');
  try {
    log.add({ ...record, durationMs: 1, leftOut: [], delivered: true } as unknown as RequestRecord);
    await sleep(1_600);
    const { calls } = query.mock;
    expect(calls.length).toBeLessThanOrEqual(5);
    await until('a second try', () => calls.length >= 2);
  } finally {
    query.mockRestore();
    await gateway.sql('alter table directory.scim_request_away rename to scim_request');
  }
  await until('the row in the log', async () => (await stored(record.tenantId)) === 1);
  await log.onApplicationShutdown();
  const messages = lines.map((line) => (JSON.parse(line) as { level: string; msg: string }).msg);
  expect(messages).toEqual([
    expect.stringContaining('Cannot write the SCIM request log to the database.'),
    'The SCIM request log can be written to the database again.',
  ]);
});

it('the retention job deletes every row that is too old, however many there are, and keeps the others', async () => {
  const tenantId = randomUUID();
  await gateway.sql(
    `insert into directory.scim_request (id, tenant_id, at, method, url, status, duration_ms, delivered)
     select gen_random_uuid(), $1, now() - make_interval(days => case i when 1 then 29 else 31 end), 'GET', '/', 200, 1, true
     from generate_series(1, 20_002) i`,
    [tenantId],
  );
  await gateway.app.get(RequestLogRetention).trim();
  expect(await stored(tenantId)).toBe(1);
});

it('a request has a trace of its own, which its log line and its events share, and not the trace that a client names', async () => {
  const tenant = await gateway.createTenant();
  const info = jest.spyOn(gateway.app.get<Logger>(LOGGER), 'info');
  const traceId = 'c'.repeat(32);
  const traced = { headers: { traceparent: `00-${traceId}-${'d'.repeat(16)}-01` } };
  await tenant.send('POST', '/Users', { userName: 'traced@x' }, traced);
  await tenant.send('GET', `/Users/${randomUUID()}`, undefined, traced);
  await until('two log lines', () => info.mock.calls.length === 2);
  const lines = info.mock.calls.map(([fields]) => fields);
  info.mockRestore();
  expect(lines).toEqual([
    expect.objectContaining({ status: 201, traceId: expect.stringMatching(/^[0-9a-f]{32}$/) }),
    expect.objectContaining({ status: 404, traceId: expect.not.stringContaining(traceId) }),
  ]);
  await until('the event', async () => (await tenant.events()).length === 1);
  const { traceparent } = (await tenant.events())[0] ?? {};
  expect(traceparent).toContain((lines[0] as { traceId: string }).traceId);
  expect(traceparent).not.toContain(traceId);
});
