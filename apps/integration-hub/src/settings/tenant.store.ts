import { Inject, Injectable } from '@nestjs/common';
import { Outbox } from '#event-bus';
import type { TenantSettings } from '#events';
import { Database, LOGGER, type Logger, type Tx } from '#platform';
import { Publishing } from './publishing.js';
import { tenantErasing, unknownTenant } from './refusals.js';
import type { ChangedTenant } from './tenant-change.js';
import {
  allTenants,
  insertTenant,
  insertVersion,
  lockTenant,
  tenantBySlug,
  type Tenant,
  type VersionOrigin,
} from './tenant.sql.js';

export type Step = Pick<VersionOrigin, 'by' | 'action'>;

/** If `published` is false, the change is stored, but its event is not published yet. */
export interface TenantResult {
  readonly tenant: Tenant;
  readonly changed: readonly string[];
  readonly published: boolean;
}

/**
 * One transaction locks the tenant, inserts a version of the settings, and inserts its event into the outbox. The event
 * contains the full settings without secrets; its sequence number is the version of the settings.
 */
@Injectable()
export class TenantStore {
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly publishing: Publishing,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  list(): Promise<Tenant[]> {
    return allTenants(this.database);
  }

  async get(slug: string): Promise<Tenant> {
    const tenant = await tenantBySlug(this.database, slug);
    if (!tenant) throw unknownTenant(slug);
    return tenant;
  }

  /** Inserts the tenant with version 1 of its settings. Resolves with false if the slug is taken. */
  insert({ settings, changed }: ChangedTenant, step: Step): Promise<boolean> {
    return this.database.tx(async (tx) => {
      if (!(await insertTenant(tx, settings.tenant))) return false;
      await this.newVersion(tx, settings, 1, { ...step, changed });
      return true;
    });
  }

  /**
   * Stores the result of `decide` as a new version of the settings, if anything differs. The lock is held until the
   * commit, so `decide` may also write the tenant's secrets.
   */
  change(
    slug: string,
    step: Step,
    decide: (tenant: Tenant) => Promise<ChangedTenant & Pick<VersionOrigin, 'detail'>> | ChangedTenant,
  ): Promise<Omit<TenantResult, 'published'>> {
    return this.locked(slug, async (tenant, tx) => {
      const { settings, ...version } = await decide(tenant);
      const { changed } = version;
      if (changed.length === 0) return { tenant, changed };
      return { tenant: await this.newVersion(tx, settings, tenant.version + 1, { ...step, ...version }), changed };
    });
  }

  /** Runs `work` while the tenant is locked, so that nobody else can change it. */
  locked<T>(slug: string, work: (tenant: Tenant, tx: Tx) => Promise<T>): Promise<T> {
    return this.database.tx(async (tx) => {
      const tenant = await lockTenant(tx, slug);
      if (!tenant) throw unknownTenant(slug);
      const erasing = await tx.query('select 1 from hub.tenant_erasure where tenant = $1', [tenant.id]);
      if (erasing.length > 0) throw tenantErasing(slug);
      return work(tenant, tx);
    });
  }

  /** Waits for all events stored so far, and adds to the result whether they were published in time. */
  async published<R extends object>(result: R): Promise<R & { published: boolean }> {
    return { ...result, published: await this.publishing.drain() };
  }

  private async newVersion(tx: Tx, settings: TenantSettings, version: number, origin: VersionOrigin): Promise<Tenant> {
    const { id, slug } = settings.tenant;
    await insertVersion(tx, settings, version, origin);
    await this.outbox.add(tx, [
      {
        type: 'com.stackflow.integration.settings.changed.v1',
        tenant: id,
        subject: id,
        sequence: version,
        causationId: origin.by,
        data: settings,
      },
    ]);
    const { action, by, changed } = origin;
    tx.afterCommit(() => this.logger.info({ tenant: slug, version, action, by, changed }, 'tenant changed'));
    const tenant = await tenantBySlug(tx, slug);
    if (!tenant) throw unknownTenant(slug);
    return tenant;
  }
}
