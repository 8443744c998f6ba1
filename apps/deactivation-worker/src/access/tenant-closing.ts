import { Injectable } from '@nestjs/common';
import type { ErasureWait } from '#contracts';
import { Database } from '#platform';
import type { ClosingTenant, TenantOwner } from '#worker';
import { Admission } from '../cases/admission.js';

const COUNTS = `
  select (select count(*)::int from person where tenant = $1 and deleted) as deleted,
         (select count(*)::int from person where tenant = $1 and not deleted) as others,
         exists (select 1 from person where tenant = $1
                  and (due_at is not null or lease_owner is not null or published_status is distinct from 'removed')) as open,
         exists (select 1 from offboarding_case where tenant = $1 and state = 'held') as held,
         exists (select 1 from offboarding_case where tenant = $1 and state in ('new', 'running')) as running`;

interface Counts {
  readonly deleted: number;
  readonly others: number;
  readonly open: boolean;
  readonly held: boolean;
  readonly running: boolean;
}

/** Ends the access of everybody of a tenant. Nobody is held: the person who requested the erasure has decided. */
@Injectable()
export class OffboardingTenantClosing implements TenantOwner {
  constructor(
    private readonly database: Database,
    private readonly admission: Admission,
  ) {}

  async close({ tenant, by, people }: ClosingTenant): Promise<ErasureWait | null> {
    const [counts] = await this.database.query<Counts>(COUNTS, [tenant]);
    if (counts?.held) await this.admission.release(tenant, null, by);
    if (!counts || people === null || counts.others > 0 || counts.deleted < people) return 'people';
    return counts.open || counts.held || counts.running ? 'access' : null;
  }
}
