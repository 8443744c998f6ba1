/** `GET /internal/tenants/:tenant/audit`: shows operators the audit of a tenant, newest entries first. */
import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import { LessThan, MoreThanOrEqual } from 'typeorm';
import { AuditPage, AuditQuery, TenantPath, type AuditEntryView } from '#contracts';
import { Database, InternalApi, pageOf, parseCursor } from '#platform';
import { AuthAuditEntity } from '../audit/auth-audit.entity.js';

const DEFAULT_LIMIT = 50;

@InternalApi()
@Controller('internal/tenants/:tenant/audit')
export class AuthAuditController {
  constructor(private readonly database: Database) {}

  @Get()
  @ApiOkResponse({ type: AuditPage })
  async page(@Param() { tenant }: TenantPath, @Query() query: AuditQuery): Promise<AuditPage> {
    const { account, event, since, cursor, limit = DEFAULT_LIMIT } = query;
    const rows = await this.database.repository(AuthAuditEntity).find({
      where: {
        tenant,
        ...(account !== undefined && { accountId: account }),
        ...(event !== undefined && { event }),
        ...(since !== undefined && { at: MoreThanOrEqual(new Date(since)) }),
        ...(cursor !== undefined && { id: LessThan(parseCursor(cursor, /^\d{1,18}$/)[0]) }),
      },
      order: { id: 'DESC' },
      take: limit + 1,
    });
    const { page, next } = pageOf(rows, limit, ({ id }) => [id]);
    return { entries: page.map(viewOf), next };
  }
}

const viewOf = ({ at, event, code, accountId, sessionId, detail }: AuthAuditEntity): AuditEntryView => ({
  at,
  event,
  code,
  account: accountId,
  session: sessionId,
  detail,
});
