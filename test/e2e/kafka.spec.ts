/** The promises that depend on the carrier, with events on Kafka. */
import { randomBytes } from 'node:crypto';
import { TestStack } from '../support/stack.js';
import { offboards } from './offboarding.js';
import { keepsTenantsApart } from './walls.js';

const brokers = process.env.KAFKA_BROKERS;
if (!brokers && process.env.REQUIRE_KAFKA === '1')
  throw new Error('REQUIRE_KAFKA=1, but KAFKA_BROKERS names no broker');
const suite = brokers ? describe : describe.skip;

suite('a running stack, events on Kafka (skipped unless KAFKA_BROKERS names a broker)', () => {
  let stack: TestStack;
  beforeAll(async () => {
    const env = {
      KAFKA_BROKERS: brokers,
      KAFKA_TOPIC_PREFIX: `o${randomBytes(4).toString('hex')}.`,
      KAFKA_REPLICATION_FACTOR: '1',
      // Each kill of a consumer costs this long: until then, no other consumer gets its partitions.
      KAFKA_SESSION_TIMEOUT_SECONDS: '6',
    };
    stack = await TestStack.start({ carrier: 'kafka', env });
  }, 120_000);
  afterAll(() => (stack as TestStack | undefined)?.stop());

  describe('offboarding', () => offboards(() => stack));
  describe('a loud tenant', () => keepsTenantsApart(() => stack));
});
