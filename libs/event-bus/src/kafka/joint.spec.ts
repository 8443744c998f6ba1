import { DatabaseLost } from '../attempt.js';
import { ChunkSize } from '../chunk-size.js';
import type { GroupConsumer } from '../consumer.js';
import { placeId, type Delivery } from '../record.js';
import { FailedTogether, JointTransactions, type Part } from './joint.js';

const part = (partition: number, keys: string[], more: Partial<Part> = {}): Part => ({
  topic: 'directory.users',
  partition,
  deliveries: keys.map((key) => ({ key }) as Delivery),
  alone: false,
  alive: () => true,
  heartbeat: () => Promise.resolve(),
  ...more,
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
    (_, parts) => void reports.push(parts.map(placeId)),
  );
  const consume = (parts: Part[]): Promise<string[]> =>
    Promise.all(
      parts.map((p) =>
        joint.consume(p).then(
          () => 'done',
          (error: Error) => (error instanceof FailedTogether ? 'together' : error.message),
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
    const { committed, consume, most } = world(2, 4);
    await consume([part(0, ['a', 'b', 'c']), part(1, ['d']), part(2, ['e']), part(3, ['f']), part(4, ['g'])]);
    expect(committed.map((keys) => keys.join(''))).toEqual(expect.arrayContaining(['abc', 'de', 'fg']));
    expect(committed).toHaveLength(3);
    expect(most()).toBe(2);
  });

  it('are of one topic, in the order of its partitions', async () => {
    const { committed, consume } = world();
    const other = { topic: 'identity.accounts' } as const;
    await consume([part(2, ['a']), part(1, ['x'], other), part(0, ['b']), part(0, ['y'], other)]);
    expect(committed).toEqual([
      ['b', 'a'],
      ['y', 'x'],
    ]);
  });

  it('fail together without a report; alone, only the one with the fault fails, and is reported', async () => {
    const { committed, reports, consume } = world();
    expect(await consume([part(0, ['a']), part(1, ['bad'])])).toEqual(['together', 'together']);
    expect([committed, reports]).toEqual([[], []]);
    const alone = { alone: true };
    expect(await consume([part(0, ['a'], alone), part(1, ['bad'], alone), part(2, ['c'])])).toEqual([
      'done',
      'bad',
      'done',
    ]);
    expect(committed).toEqual([['a'], ['c']]);
    expect(reports).toEqual([['directory.users:1']]);
  });

  it('are tried once, and reported once, when the database is away', async () => {
    for (const away of [
      Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
      new DatabaseLost(new Error('terminating connection')),
    ]) {
      const { reports, consume, failWith } = world();
      failWith(away);
      expect(await consume([part(0, ['a']), part(1, ['bad'])])).toEqual([away.message, away.message]);
      expect(reports).toEqual([['directory.users:0', 'directory.users:1']]);
    }
  });

  it('end without a word when the heartbeat says that the partitions are no longer ours', async () => {
    const { committed, reports, consume } = world();
    const lost = { heartbeat: () => Promise.reject(new Error('rebalance')) };
    expect(await consume([part(0, ['a'], lost), part(1, ['b'], lost)])).toEqual(['rebalance', 'rebalance']);
    expect([committed, reports]).toEqual([[], []]);
  });

  it('do not begin for a partition that was lost while it waited', async () => {
    const { committed, consume } = world(1);
    let alive = true;
    const slow = part(0, ['a'], { alone: true, heartbeat: () => Promise.resolve(void (alive = false)) });
    await consume([slow, part(1, ['b'], { alive: () => alive })]);
    expect(committed).toEqual([['a']]);
  });
});
