/**
 * Publishes the state of accounts again, except removed ones. Events of the topic `identity.accounts` are deleted after
 * EVENT_RETENTION_DAYS. A later subscriber would otherwise not receive accounts that have not changed since.
 */
import { randomUUID } from 'node:crypto';
import { Controller, Param, Post, Query } from '@nestjs/common';
import { ApiCreatedResponse } from '@nestjs/swagger';
import { RepublishedPage, RepublishQuery, TenantPath } from '#contracts';
import { Outbox } from '#event-bus';
import { columnsOf, Database, InternalApi, Needs } from '#platform';
import { PUBLISHED_COLUMNS, stateEvent, type PublishedAccount } from '../accounts/account-events.js';
import { AccountEntity } from '../accounts/account.entity.js';

const PAGE = 500;

/** Locks the accounts in the order of their ids, as every statement that locks several accounts does. */
const raiseVersions = `
  with page as (
    select id from account
     where tenant = $1 and ($2::uuid is null or id > $2) and provisioned_at is not null and status <> 'removed'
     order by id limit $3 for update
  )
  update account a set version = a.version + 1 from page where a.id = page.id
  returning ${columnsOf(AccountEntity, { alias: 'a', only: PUBLISHED_COLUMNS })}`;

@InternalApi()
@Controller('internal/tenants/:tenant/accounts/republish')
export class RepublishController {
  constructor(
    private readonly outbox: Outbox,
    private readonly database: Database,
  ) {}

  /**
   * Publishes one page in one transaction. If the response is lost, repeat the call; subscribers may get a state twice.
   */
  @Post()
  @Needs('operate')
  @ApiCreatedResponse({ type: RepublishedPage })
  async page(
    @Param() { tenant }: TenantPath,
    @Query() { cursor, limit = PAGE }: RepublishQuery,
  ): Promise<RepublishedPage> {
    const causationId = `republish:${randomUUID()}`;
    return this.database.tx(async (tx) => {
      const accounts = await tx.query<PublishedAccount>(raiseVersions, [tenant, cursor ?? null, limit]);
      const events = accounts.map((account) => stateEvent('republished', account, causationId));
      await this.outbox.add(tx, events);
      const ids = accounts.map(({ id }) => id).sort();
      return { republished: ids.length, next: ids.length === limit ? (ids.at(-1) ?? null) : null };
    });
  }
}
