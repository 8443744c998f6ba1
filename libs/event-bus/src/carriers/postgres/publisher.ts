import type { Database, Logger } from '#platform';
import type { Client } from 'pg';
import type { Publisher } from '../../producer/publisher.js';
import { identifier } from '../../schema.sql.js';
import { moveSql, prepareMoveSql } from './log.sql.js';
import { Retention } from './retention.js';

export interface PostgresPublisherOptions {
  readonly database: Database;
  readonly schema: string;
  readonly logger: Logger;
  /** Number of days after which events are deleted from the log. If it is not set, no events are deleted. */
  readonly retentionDays?: number;
}

export class PostgresPublisher implements Publisher {
  private retention: Retention | undefined;

  constructor(private readonly options: PostgresPublisherOptions) {}

  async prepare(session: Client): Promise<void> {
    const { database, logger, schema, retentionDays } = this.options;
    await session.query(prepareMoveSql(schema));
    if (retentionDays === undefined) return;
    this.retention = new Retention(database, logger, retentionDays);
    this.retention.start();
  }

  /** Check the outbox first, so that the lock of the log is taken only if there are events. */
  async move(session: Client): Promise<number> {
    const pending = await session.query({
      name: 'pending',
      text: `select 1 from ${identifier(this.options.schema)}.outbox order by lane, tenant, id limit 1`,
    });
    if (pending.rowCount === 0) return 0;
    try {
      const results = (await session.query(moveSql)) as unknown as { rows: { moved?: number }[] }[];
      return results[2]?.rows[0]?.moved ?? 0;
    } catch (error) {
      await session.query('rollback').catch(() => undefined);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.retention?.stop();
  }
}
