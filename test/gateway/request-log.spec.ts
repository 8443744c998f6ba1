/** The log of SCIM requests: what it costs while the database takes nothing, how it is trimmed, what its line says. */
import { jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { createLogger } from '#platform';
import { RequestLog, type RequestRecord } from '../../apps/scim-gateway/src/requests/request-log.js';
import { RequestLogRetention } from '../../apps/scim-gateway/src/requests/retention.js';
import { startGateway, until, type TestGateway } from '../support/gateway.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const stored = async (tenantId: string) =>
  (await gateway.sql('select 1 from directory.scim_request where tenant_id = $1', [tenantId])).length;

it('tries less and less often while its table takes nothing, warns once, and loses nothing', async () => {
  const lines: string[] = [];
  const logger = createLogger('scim-gateway', 'info', { write: (line) => void lines.push(line) });
  const query = jest.spyOn(gateway.platform.database, 'query');
  const log = new RequestLog({ ...gateway.platform, logger });
  const record = { id: randomUUID(), tenantId: randomUUID(), at: new Date(), method: 'GET', url: '/', status: 200 };
  await gateway.sql('alter table directory.scim_request rename to scim_request_away');
  try {
    log.add({ ...record, durationMs: 1, leftOut: [], delivered: true } as unknown as RequestRecord);
    await sleep(1_600);
    expect(query.mock.calls.length).toBeGreaterThanOrEqual(2);
    expect(query.mock.calls.length).toBeLessThanOrEqual(5);
  } finally {
    query.mockRestore();
    await gateway.sql('alter table directory.scim_request_away rename to scim_request');
  }
  await until(async () => (await stored(record.tenantId)) === 1);
  await log.onApplicationShutdown();
  const messages = lines.map((line) => (JSON.parse(line) as { level: string; msg: string }).msg);
  expect(messages).toEqual(['the request log cannot be written; trying on', 'the request log is written again']);
});

it('is trimmed completely, however much is too old, and what is young stays', async () => {
  const tenantId = randomUUID();
  await gateway.sql(
    `insert into directory.scim_request (id, tenant_id, at, method, url, status, duration_ms, delivered)
     select gen_random_uuid(), $1, now() - make_interval(days => case i when 1 then 29 else 31 end), 'GET', '/', 200, 1, true
     from generate_series(1, 20_002) i`,
    [tenantId],
  );
  await new RequestLogRetention(gateway.platform).trim();
  expect(await stored(tenantId)).toBe(1);
});

it('writes the trace of the request into its line, the same that the events carry', async () => {
  const tenant = await gateway.createTenant();
  const info = jest.spyOn(gateway.platform.logger, 'info');
  const traceId = 'c'.repeat(32);
  const traced = { headers: { traceparent: `00-${traceId}-${'d'.repeat(16)}-01` } };
  await tenant.send('POST', '/Users', { userName: 'traced@x' }, traced);
  await tenant.send('GET', `/Users/${randomUUID()}`, undefined, traced);
  await until(() => Promise.resolve(info.mock.calls.length === 2));
  const lines = info.mock.calls.map(([fields]) => fields);
  info.mockRestore();
  expect(lines).toEqual([
    expect.objectContaining({ status: 201, traceId }),
    expect.objectContaining({ status: 404, traceId }),
  ]);
  await until(async () => (await tenant.events()).length === 1);
  expect((await tenant.events())[0]?.traceparent).toContain(traceId);
});
