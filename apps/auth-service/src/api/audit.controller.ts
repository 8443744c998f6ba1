/** `GET /internal/tenants/:tenant/audit`: shows operators the audit of a tenant, newest entries first. */
import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import { LessThan, MoreThanOrEqual } from 'typeorm';
import { AuditPage, AuditQuery, TenantPath, type AuditEntryView } from '#contracts';
import { Database, InternalApi, Problem } from '#platform';
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
        ...(cursor !== undefined && { id: LessThan(idOf(cursor)) }),
      },
      order: { id: 'DESC' },
      take: limit + 1,
    });
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    return { entries: page.map(viewOf), next: rows.length > limit && last ? cursorOf(last.id) : null };
  }
}

const cursorOf = (id: string): string => Buffer.from(id).toString('base64url');

function idOf(cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString();
  if (/^\d{1,18}$/.test(id)) return id;
  throw new Problem('invalid_request', 'cursor must be the "next" of an earlier page.');
}

const viewOf = ({ at, event, code, accountId, sessionId, detail }: AuthAuditEntity): AuditEntryView => ({
  at,
  event,
  code,
  account: accountId,
  session: sessionId,
  detail,
});
