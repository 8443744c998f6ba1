import { Inject, Injectable } from '@nestjs/common';
import { Outbox } from '#event-bus';
import type { TenantSettings } from '#events';
import { Database, LOGGER, type Logger, type Tx } from '#platform';
import { Publishing } from './publishing.js';
import { unknownTenant } from './refusals.js';
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

/** A changed tenant. `published` false: the change is stored, its event is not published yet. */
export interface TenantResult {
  readonly tenant: Tenant;
  readonly changed: readonly string[];
  readonly published: boolean;
}

/**
 * The tenants and the versions of their settings. A new version is one transaction: lock the tenant, insert the
 * version, insert the outbox row. Its event carries the full settings in force, without secrets, and the version as its
 * sequence.
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

  /** Inserts the tenant with version 1 of its settings; false = the slug is taken. */
  insert({ settings, changed }: ChangedTenant, step: Step): Promise<boolean> {
    return this.database.tx(async (tx) => {
      if (!(await insertTenant(tx, settings.tenant))) return false;
      await this.newVersion(tx, settings, 1, { ...step, changed });
      return true;
    });
  }

  /**
   * Locks the tenant and stores what `decide` makes of it as a new version; no difference, no version. The lock is held
   * until the commit, so `decide` may also write the tenant's secrets. Does not wait for the event to be published.
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

  /** Runs `work` while nobody else can change the tenant. */
  locked<T>(slug: string, work: (tenant: Tenant, tx: Tx) => Promise<T>): Promise<T> {
    return this.database.tx(async (tx) => {
      const tenant = await lockTenant(tx, slug);
      if (!tenant) throw unknownTenant(slug);
      return work(tenant, tx);
    });
  }

  /** Adds whether all events stored by now are published. */
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
        causationId: `cli:${origin.by}`,
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
