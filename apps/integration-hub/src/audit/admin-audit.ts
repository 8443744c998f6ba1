import { Injectable } from '@nestjs/common';
import { LessThan } from 'typeorm';
import type { HubAuditPage, HubAuditQuery } from '#contracts';
import { Database } from '#platform';
import { AdminAuditEntity } from './admin-audit.entity.js';

const PAGE = 100;

@Injectable()
export class AdminAudit {
  constructor(private readonly database: Database) {}

  async page(tenantId: string, { limit = PAGE, cursor }: HubAuditQuery): Promise<HubAuditPage> {
    const rows = await this.database.repository(AdminAuditEntity).find({
      where: { tenantId, ...(cursor !== undefined && { id: LessThan(cursor) }) },
      order: { id: 'DESC' },
      take: limit + 1,
    });
    const entries = rows.slice(0, limit).map(({ id, at, by, action, detail: { version, changed, ...detail } }) => ({
      id,
      at,
      by,
      action,
      version,
      changed,
      detail,
    }));
    return { entries, next: rows.length > limit ? (entries.at(-1)?.id ?? null) : null };
  }
}
