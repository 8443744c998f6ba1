/** A handler that collides with other transactions is not at fault, so its event is not parked. */
import { randomUUID } from 'node:crypto';
import { eventKey } from '#events';
import { BusRig, groupEvent, newTenant, TEST_LIMIT_MS, until } from './bus-rig.js';

describe('a handler that is interrupted by Postgres', () => {
  let rig: BusRig;
  beforeAll(async () => {
    rig = await BusRig.create({ EVENT_CARRIER: 'postgres' });
  });
  afterAll(() => rig.close());
  afterEach(() => rig.rest());

  /** A consumer whose handler of sequence 1 is interrupted `times` times. */
  const consume = async (code: string, times: number) => {
    const [tenant, subject, group] = [newTenant(), randomUUID(), `g-${randomUUID()}`];
    const seen: number[] = [];
    let tries = 0;
    await rig.consume(group, async ({ sequence, subject: other }, { tx }) => {
      if (other !== subject) return;
      if (tries++ < times) await tx.query(`do $$ begin raise exception 'busy' using errcode = '${code}'; end $$`);
      seen.push(sequence);
    });
    await rig.sequencer();
    const parked = () =>
      rig.admin.query<{ error: string }>(
        'select error from identity.parked_event where consumer_group = $1 and key = $2',
        [group, eventKey(tenant, subject)],
      );
    return { tenant, subject, seen, parked };
  };

  it.each(['55P03', '57014', '40001', '40P01'])(
    'repeats the batch after SQLSTATE %s and parks nothing',
    async (code) => {
      const { tenant, subject, seen, parked } = await consume(code, 5);
      await rig.publish([groupEvent(tenant, subject, 1)]);
      await until(async () => seen.length === 1 || (await parked()).length > 0, 'handled finally');
      expect({ seen, parked: await parked() }).toEqual({ seen: [1], parked: [] });
    },
    TEST_LIMIT_MS,
  );

  it(
    'parks an event that is interrupted every time, so that its partition continues',
    async () => {
      const { tenant, subject, parked } = await consume('57014', Infinity);
      await rig.publish([groupEvent(tenant, subject, 1)]);
      await until(async () => (await parked()).length === 1, 'parked finally');
      expect((await parked())[0]?.error).toContain('busy');
    },
    TEST_LIMIT_MS,
  );
});
