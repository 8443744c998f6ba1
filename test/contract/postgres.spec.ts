import { adminContract } from './admin-contract.js';
import { carrierContract, type CarrierUnderTest } from './carrier-contract.js';
import { commandContract } from './command-contract.js';

const postgres = (): Promise<CarrierUnderTest> =>
  Promise.resolve({
    env: { EVENT_CARRIER: 'postgres' },
    async interrupt(rig) {
      await rig.admin.query('revoke insert on bus.event_log from scim_gateway');
      return {
        env: {},
        restore: async () => void (await rig.admin.query('grant insert on bus.event_log to scim_gateway')),
      };
    },
    async injectGarbage(rig, key) {
      await rig.admin.query(
        `insert into bus.event_log (partition, event_id, topic, key, type, source, subject, tenant, sequence, time, causation_id, data)
         select partition, uuidv7(), topic, key, type, source, subject, tenant, 99, now(), 'x', '{"garbage": true}' from bus.event_log where key = $1 limit 1`,
        [key],
      );
    },
    async inject(rig, e) {
      await rig.admin.query(
        `insert into bus.event_log (partition, event_id, topic, key, type, source, subject, tenant, sequence, time, causation_id, data)
         select partition, $2, topic, key, $3, $4, subject, tenant, $5, $6, $7, $8 from bus.event_log where key = $1 limit 1`,
        [e.key, e.event_id, e.type, e.source, e.sequence, e.time, e.causation_id, JSON.stringify(e.data)],
      );
    },
  });

describe('the Postgres carrier', () => carrierContract(postgres));
describe('the events command on the Postgres carrier', () => commandContract(postgres));
describe('the event API on the Postgres carrier', () => adminContract(postgres));
