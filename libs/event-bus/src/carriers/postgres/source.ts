import type { Database } from '#platform';
import { deliveryOf, type Delivery, type EventRow } from '../../record.js';
import type { EventSource, ReadRange } from '../../source.js';
import { lagByTopic } from './log.sql.js';

const PAGE = 500;
const EPOCH = new Date(0);

export class PostgresSource implements EventSource {
  constructor(private readonly database: Database) {}

  async read(
    { topic, from = EPOCH, key }: ReadRange,
    page: (deliveries: readonly Delivery[]) => Promise<void>,
  ): Promise<void> {
    for (let after = '0'; ;) {
      const rows = await this.database.query<EventRow & { position: string; partition: number }>(
        `select * from bus.event_log where topic = $1 and position > $2 and published_at >= $3 and ($4::text is null or key = $4)
         order by position limit ${PAGE}`,
        [topic, after, from, key ?? null],
      );
      if (rows.length > 0) await page(rows.map(deliveryOf));
      if (rows.length < PAGE) return;
      after = rows.at(-1)?.position ?? after;
    }
  }

  async lag(schema: string, group: string): Promise<ReadonlyMap<string, number>> {
    return new Map((await lagByTopic(this.database, schema, group)).map(({ topic, lag }) => [topic, lag]));
  }
}
