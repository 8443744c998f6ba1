/**
 * `/internal/tenants/:tenant/accounts/republish`: tells the state of accounts once more. `identity.accounts` is no
 * compacted topic, so a subscriber that begins later than EVENT_RETENTION_DAYS after an account's last change would never
 * hear of it. Who was removed is not told again.
 */
import { Controller, Inject, Param, Post, Query } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { Outbox, type NewEvent } from '#event-bus';
import { TenantPath } from '#contracts';
import { InternalApi, PLATFORM, type PlatformContext } from '#platform';
import { accountState, type LockedAccount } from '../reconcile/provisioned.js';
import { PageQuery } from './dto.js';

export interface RepublishedPage {
  readonly republished: number;
  /** Null = that was the last page. */
  readonly next: string | null;
}

const PAGE = 500;

@InternalApi()
@Controller('internal/tenants/:tenant/accounts/republish')
export class RepublishController {
  constructor(
    private readonly outbox: Outbox,
    @Inject(PLATFORM) private readonly platform: PlatformContext,
  ) {}

  /** One page, in a transaction of its own; repeated after a lost answer it tells the same once more, which is harmless. */
  @Post()
  async page(@Param() { tenant }: TenantPath, @Query() { cursor, limit = PAGE }: PageQuery): Promise<RepublishedPage> {
    return this.platform.database.tx(async (tx) => {
      const rows = await tx.query<LockedAccount & { id: string }>(nextVersions, [tenant, cursor ?? null, limit]);
      const causationId = `republish:${randomUUID()}`;
      await this.outbox.add(
        tx,
        rows.map((row) => republishedEvent(tenant, row, causationId)),
      );
      const last = rows
        .map((row) => row.id)
        .sort()
        .at(-1);
      return { republished: rows.length, next: rows.length === limit ? (last ?? null) : null };
    });
  }
}

/** Locks the rows in the order of their ids, as all that lock several do; a version is raised from what the lock found. */
const nextVersions = `
  with page as (
    select id from account
     where tenant = $1 and ($2::uuid is null or id > $2) and provisioned_at is not null and status <> 'removed'
     order by id limit $3 for update
  )
  update account a set version = a.version + 1 from page where a.id = page.id
  returning a.id, a.status, a.roles, a.version, a.user_name, a.external_id, a.email, a.display_name, a.causation_id`;

const republishedEvent = (
  tenant: string,
  { id, ...row }: LockedAccount & { readonly id: string },
  causationId: string,
): NewEvent => ({
  type: 'com.stackflow.identity.account.republished.v1',
  tenant,
  subject: id,
  sequence: Number(row.version),
  causationId,
  data: { account: accountState(id, row) },
});
