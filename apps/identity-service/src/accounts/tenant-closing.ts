import { Injectable } from '@nestjs/common';
import type { ErasureWait } from '#contracts';
import { Database } from '#platform';
import type { ClosingTenant, TenantOwner } from '#worker';
import { Reconciler } from '../cognito/reconciler.js';
import { erasures } from './erasure.sql.js';

const BATCH = 500;

const COUNTS = `
  select (select count(*)::int from directory_user where tenant = $1 and deleted) as deleted,
         (select count(*)::int from directory_user where tenant = $1 and not deleted) as others,
         exists (select 1 from account where tenant = $1 and (status <> 'removed'
           or (provisioned_at is not null and announced_status is distinct from 'removed'))) as open,
         exists (select 1 from account where tenant = $1
           and (erased_at is null or desired_revision > applied_revision or lease_owner is not null)) as "inCognito"`;

interface Counts {
  readonly deleted: number;
  readonly others: number;
  readonly open: boolean;
  readonly inCognito: boolean;
}

/** Deletes the Cognito users of a tenant, after everybody lost their access and this was announced. */
@Injectable()
export class IdentityTenantClosing implements TenantOwner {
  constructor(
    private readonly database: Database,
    private readonly reconciler: Reconciler,
  ) {}

  async close({ tenant, people }: ClosingTenant): Promise<ErasureWait | null> {
    const [counts] = await this.database.query<Counts>(COUNTS, [tenant]);
    if (!counts || people === null || counts.others > 0 || counts.deleted < people) return 'people';
    if (counts.open) return 'access';
    if (!counts.inCognito) return null;
    for (const { erase } of erasures(0)) await this.database.query(erase, [tenant, BATCH]);
    this.reconciler.wake();
    return 'accounts';
  }
}
