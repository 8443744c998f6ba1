import { ChunkSize } from '../chunk-size.js';
import type { GroupConsumer } from '../consumer.js';
import type { Delivery } from '../record.js';
import { JointTransactions, partId, type Part } from './joint.js';

const part = (partition: number, keys: string[], heartbeat: Part['heartbeat'] = () => Promise.resolve()): Part => ({
  topic: 'directory.users',
  partition,
  deliveries: keys.map((key) => ({ key }) as Delivery),
  heartbeat,
});

/** Transactions of a consumer that fails for keys that begin with "bad" and commits everything else. */
function world(lanes = 4, size = 100) {
  const committed: string[][] = [];
  const reports: string[][] = [];
  let failure = new Error('bad');
  let open = 0;
  let most = 0;
  const consumer = {
    async inTransaction(work: (tx: unknown, doubt: null) => Promise<void>): Promise<void> {
      most = Math.max(most, ++open);
      const keys: string[] = [];
      try {
        await work(keys, null);
        committed.push(keys);
      } finally {
        open--;
      }
    },
    async consume(keys: string[], _: string, deliveries: Delivery[], __: null, progress: () => Promise<void>) {
      for (const { key } of deliveries) {
        if (key?.startsWith('bad')) throw failure;
        keys.push(key ?? '');
        await progress();
      }
    },
  };
  const joint = new JointTransactions(
    consumer as unknown as GroupConsumer,
    lanes,
    new ChunkSize(size),
    (_, parts) => void reports.push(parts.map(partId)),
  );
  const consume = (parts: Part[]): Promise<string[]> =>
    Promise.all(
      parts.map((p) =>
        joint.consume(p).then(
          () => 'done',
          () => 'failed',
        ),
      ),
    );
  return { committed, reports, consume, failWith: (error: Error) => (failure = error), most: () => most };
}

describe('joint transactions', () => {
  it('put into one what comes at the same time, each partition in its order', async () => {
    const { committed, consume } = world();
    expect(await consume([part(0, ['a', 'b']), part(1, ['c']), part(2, ['d'])])).toEqual(['done', 'done', 'done']);
    expect(committed).toEqual([['a', 'b', 'c', 'd']]);
  });

  it('join few, never split a part, and are no more than there are lanes', async () => {
    const { committed, consume, most } = world(2, 20);
    await consume([part(0, ['a', 'b', 'c']), part(1, ['d']), part(2, ['e']), part(3, ['f']), part(4, ['g'])]);
    expect(committed.map((keys) => keys.join(''))).toEqual(expect.arrayContaining(['abc', 'de', 'fg']));
    expect(committed).toHaveLength(3);
    expect(most()).toBe(2);
  });

  it('try parts that failed together one by one: only the one with the fault fails, and is reported', async () => {
    const { committed, reports, consume } = world();
    expect(await consume([part(0, ['a']), part(1, ['bad']), part(2, ['c'])])).toEqual(['done', 'failed', 'done']);
    expect(committed).toEqual([['a'], ['c']]);
    expect(reports).toEqual([['directory.users:1']]);
  });

  it('are tried once, and reported once, when the database is away', async () => {
    const { reports, consume, failWith } = world();
    failWith(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }));
    expect(await consume([part(0, ['a']), part(1, ['bad'])])).toEqual(['failed', 'failed']);
    expect(reports).toEqual([['directory.users:0', 'directory.users:1']]);
  });

  it('end without a word when the heartbeat says that the partitions are no longer ours', async () => {
    const { committed, reports, consume } = world();
    const lost = (): Promise<void> => Promise.reject(new Error('rebalance in progress'));
    expect(await consume([part(0, ['a'], lost), part(1, ['b'], lost)])).toEqual(['failed', 'failed']);
    expect([committed, reports]).toEqual([[], []]);
  });
});
