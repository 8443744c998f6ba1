/**
 * Kafka fails: Okta notices nothing, and everything arrives afterwards, in order. The test kills a broker of its own
 * for a few seconds instead of ten minutes; the outbox has no time limit, so the length makes no difference.
 */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { kafkaObstacle, startKafka, type LocalKafka } from '../../tools/local/kafka.js';
import { person, scim } from '../support/push.js';
import { until } from '../support/waiting.js';
import { TestStack } from '../support/stack.js';

const obstacle = await kafkaObstacle();
if (obstacle && process.env.REQUIRE_KAFKA === '1') throw new Error(`this run requires Kafka, but ${obstacle}`);
const suite = obstacle ? describe.skip : describe;

suite('an outage of Kafka', () => {
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-kafka-'));
  let kafka: LocalKafka | undefined;
  let stack: TestStack | undefined;

  beforeAll(async () => {
    kafka = await startKafka({ folder });
    const env = { KAFKA_BROKERS: kafka.brokers, KAFKA_SESSION_TIMEOUT_SECONDS: '6' };
    stack = await TestStack.start({ carrier: 'kafka', env });
  }, 120_000);

  afterAll(async () => {
    await stack?.stop();
    await kafka?.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  it('delays no push, and delivers all events afterwards, in order', async () => {
    if (!stack || !kafka) throw new Error('not started');
    const { query, tenant } = { query: stack.query.bind(stack), tenant: stack.tenant };
    const push = <T = { id: string }>(method: string, target: string, body?: unknown) =>
      scim<T>(tenant.scimBaseUrl, tenant.scimToken, method, target, body);
    const { id: first } = await push('POST', '/Users', person('before@example.com', '00uBEFORE'));
    await until(
      'the first account',
      async () => (await query('select 1 from identity.account where id = $1', [first]))[0],
      30_000,
    );

    const port = Number(kafka.brokers.split(':')[1]);
    await kafka.stop();
    const names = ['one', 'two', 'three', 'four', 'five'];
    const ids = await Promise.all(
      names.map(async (name) => (await push('POST', '/Users', person(`${name}@example.com`, `00u${name}`))).id),
    );
    for (const [n, id] of ids.entries()) {
      for (let version = 1; version <= 4; version++)
        await push('PATCH', `/Users/${id}`, {
          Operations: [{ op: 'replace', value: { displayName: `${names[n]} ${version}` } }],
        });
    }
    const [waiting] = await query<{ n: number }>('select count(*)::int as n from directory.outbox');
    expect(waiting?.n).toBe(names.length * 6); // one about access, one about the creation, four about changes

    kafka = await startKafka({ folder, port });
    for (const [n, id] of ids.entries()) {
      const account = await until(
        `the account of ${names[n]}`,
        async () =>
          (
            await query<{ display_name: string }>(
              `select display_name from identity.account where id = $1 and display_name like '%4'`,
              [id],
            )
          )[0],
        60_000,
      );
      expect(account.display_name).toBe(`${names[n]} 4`);
    }
    const rows = await query<{ sequence: string }>(
      `select sequence from identity.inbox where topic = 'directory.users' and key like '%' || $1`,
      [ids[0]],
    );
    expect(rows).toEqual([{ sequence: '5' }]);
    expect(await query(`select 1 from identity.parked_event`)).toEqual([]);
    expect(await query(`select 1 from directory.outbox`)).toEqual([]);
  }, 150_000);
});
