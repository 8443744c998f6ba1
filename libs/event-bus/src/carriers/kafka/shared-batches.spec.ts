import { DatabaseLost } from '../../consumer/attempt.js';
import { BatchSize } from '../../consumer/batch-size.js';
import type { GroupConsumer } from '../../consumer/group-consumer.js';
import { partitionId, type Delivery } from '../../record.js';
import { BatchFailed, SharedBatches, type PartitionBatch } from './shared-batches.js';

const batch = (partition: number, keys: string[], more: Partial<PartitionBatch> = {}): PartitionBatch => ({
  topic: 'directory.users',
  partition,
  deliveries: keys.map((key) => ({ key }) as Delivery),
  othersBehind: () => false,
  exclusive: false,
  assigned: () => true,
  heartbeat: () => Promise.resolve(),
  ...more,
});

/** Transactions of a consumer that fails for keys that begin with "bad" and commits everything else. */
function setUp(concurrency = 4, size = 100) {
  const committed: string[][] = [];
  const reports: string[][] = [];
  let failure = new Error('bad');
  let open = 0;
  let most = 0;
  const consumer = {
    async inTransaction(work: (tx: unknown, run: null) => Promise<void>): Promise<void> {
      most = Math.max(most, ++open);
      const keys: string[] = [];
      try {
        await work(keys, null);
        committed.push(keys);
      } finally {
        open--;
      }
    },
    async consume(keys: string[], _: string, deliveries: Delivery[], ...rest: [null, unknown, () => Promise<void>]) {
      const [, , progress] = rest;
      for (const { key } of deliveries) {
        if (key?.startsWith('bad')) throw failure;
        keys.push(key ?? '');
        await progress();
      }
    },
  };
  const shared = new SharedBatches(
    consumer as unknown as GroupConsumer,
    concurrency,
    new BatchSize(size),
    (_, batches) => void reports.push(batches.map(partitionId)),
  );
  const consume = (batches: PartitionBatch[]): Promise<string[]> =>
    Promise.all(
      batches.map((b) =>
        shared.consume(b).then(
          () => 'done',
          (error: Error) => (error instanceof BatchFailed ? 'together' : error.message),
        ),
      ),
    );
  return { committed, reports, consume, failWith: (error: Error) => (failure = error), most: () => most };
}

describe('shared batches', () => {
  it('put events that arrive together into one transaction, each partition in its order', async () => {
    const { committed, consume } = setUp();
    expect(await consume([batch(0, ['a', 'b']), batch(1, ['c']), batch(2, ['d'])])).toEqual(['done', 'done', 'done']);
    expect(committed).toEqual([['a', 'b', 'c', 'd']]);
  });

  it('limit their size and number, and never split the events of a partition', async () => {
    const { committed, consume, most } = setUp(2, 4);
    await consume([batch(0, ['a', 'b', 'c']), batch(1, ['d']), batch(2, ['e']), batch(3, ['f']), batch(4, ['g'])]);
    expect(committed.map((keys) => keys.join(''))).toEqual(expect.arrayContaining(['abc', 'de', 'fg']));
    expect(committed).toHaveLength(3);
    expect(most()).toBe(2);
  });

  it('cover one topic, in the order of its partitions', async () => {
    const { committed, consume } = setUp();
    const other = { topic: 'identity.accounts' } as const;
    await consume([batch(2, ['a']), batch(1, ['x'], other), batch(0, ['b']), batch(0, ['y'], other)]);
    expect(committed).toEqual([
      ['b', 'a'],
      ['y', 'x'],
    ]);
  });

  it('fail together without a report; with exclusive transactions only the faulty one fails, and is reported', async () => {
    const { committed, reports, consume } = setUp();
    expect(await consume([batch(0, ['a']), batch(1, ['bad'])])).toEqual(['together', 'together']);
    expect([committed, reports]).toEqual([[], []]);
    const exclusive = { exclusive: true };
    expect(await consume([batch(0, ['a'], exclusive), batch(1, ['bad'], exclusive), batch(2, ['c'])])).toEqual([
      'done',
      'bad',
      'done',
    ]);
    expect(committed).toEqual([['a'], ['c']]);
    expect(reports).toEqual([['directory.users:1']]);
  });

  it('are tried once, and reported once, while the database is away', async () => {
    for (const away of [
      Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
      new DatabaseLost(new Error('terminating connection')),
    ]) {
      const { reports, consume, failWith } = setUp();
      failWith(away);
      expect(await consume([batch(0, ['a']), batch(1, ['bad'])])).toEqual([away.message, away.message]);
      expect(reports).toEqual([['directory.users:0', 'directory.users:1']]);
    }
  });

  it('end without a report when the heartbeat fails because the partitions were reassigned', async () => {
    const { committed, reports, consume } = setUp();
    const lost = { heartbeat: () => Promise.reject(new Error('rebalance')) };
    expect(await consume([batch(0, ['a'], lost), batch(1, ['b'], lost)])).toEqual(['rebalance', 'rebalance']);
    expect([committed, reports]).toEqual([[], []]);
  });

  it('do not start for a partition that was reassigned while it waited', async () => {
    const { committed, consume } = setUp(1);
    let assigned = true;
    const slow = batch(0, ['a'], { exclusive: true, heartbeat: () => Promise.resolve(void (assigned = false)) });
    await consume([slow, batch(1, ['b'], { assigned: () => assigned })]);
    expect(committed).toEqual([['a']]);
  });
});
