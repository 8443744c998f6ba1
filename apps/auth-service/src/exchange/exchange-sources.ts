/** Stores each tenant's custom authorization server. Each change commits together with its audit row. */
import { Injectable } from '@nestjs/common';
import type { ExchangeSource } from '#contracts';
import { columnsOf, Database, prepared } from '#platform';
import { record } from '../audit/audit.js';
import { ExchangeSourceEntity } from './exchange.entity.js';

const findSql = prepared(
  `select ${columnsOf(ExchangeSourceEntity, { only: ['issuer', 'audience', 'clientIds', 'scope'] })}
     from exchange_source where tenant = $1`,
);

@Injectable()
export class ExchangeSources {
  constructor(private readonly database: Database) {}

  /** Reads the table on each exchange, so that a change takes effect on every replica at once. */
  async of(tenant: string): Promise<ExchangeSource | null> {
    const [source] = await this.database.query<ExchangeSource>(findSql, [tenant]);
    return source ?? null;
  }

  put(tenant: string, source: ExchangeSource, by: string): Promise<void> {
    return this.database.tx(async (tx) => {
      await tx.query(
        `insert into exchange_source (tenant, issuer, audience, client_ids, scope) values ($1, $2, $3, $4, $5)
         on conflict (tenant) do update set issuer = excluded.issuer, audience = excluded.audience,
           client_ids = excluded.client_ids, scope = excluded.scope`,
        [tenant, source.issuer, source.audience, source.clientIds, source.scope],
      );
      await record(tx, { event: 'exchange_source', code: 'changed', tenant, detail: { ...source, by } });
    });
  }

  remove(tenant: string, by: string): Promise<boolean> {
    return this.database.tx(async (tx) => {
      const removed = await tx.query('delete from exchange_source where tenant = $1 returning 1', [tenant]);
      if (removed.length > 0) await record(tx, { event: 'exchange_source', code: 'removed', tenant, detail: { by } });
      return removed.length > 0;
    });
  }
}
