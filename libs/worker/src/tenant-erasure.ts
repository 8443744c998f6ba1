/**
 * Erases a tenant in one service. First the service closes what must be closed: people lose their access and their
 * Cognito users on the normal path, and the events about it are published. Then consumers drop the tenant's events, and
 * its rows are deleted in batches. Every step can be repeated, so any replica continues after a crash.
 */
import type { FactoryProvider, Type } from '@nestjs/common';
import type { ErasureWait, StartErasure, TenantErasure } from '#contracts';
import { Database, LOGGER, Problem, type Logger } from '#platform';
import { Loop } from './loop.js';
import { eraseTenantBatch, erasureOf, insertErasure, markErased, unfinishedErasures } from './tenant-erasure.sql.js';

const POLL_MS = 1_000;
const BATCH = 5_000;
/** No request or transaction of a service lasts longer. */
const SETTLE_SECONDS = 60;

export interface ClosingTenant {
  readonly tenant: string;
  readonly by: string;
  /** Number of people that must be known as deleted; null if the caller did not say it. */
  readonly people: number | null;
  /** Whether no request that began before SCIM was switched off can still be running. */
  readonly isSettled: boolean;
}

export interface TenantOwner {
  /** Takes one step of closing the tenant. Resolves with what it waits for, or with null if the tenant is closed. */
  close(closing: ClosingTenant): Promise<ErasureWait | null>;
  /** Counts the people of a closed tenant. Only scim-gateway knows this number by itself. */
  countPeople?(tenant: string): Promise<number>;
  /** False if the service has no outbox. */
  readonly publishes?: boolean;
}

type Unfinished = ClosingTenant & { readonly closedAt: Date | null };

export class TenantErasures {
  private readonly loop: Loop;

  constructor(
    private readonly database: Database,
    private readonly owner: TenantOwner,
    private readonly logger: Logger,
  ) {
    this.loop = new Loop('erasure of tenants', POLL_MS, logger, () => this.round());
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.loop.stop();
  }

  async start(tenant: string, { by, people }: StartErasure): Promise<TenantErasure> {
    const [known] = await this.database.query<{ slug: string; scim: boolean }>(
      `select slug, (settings -> 'scimEnabled')::boolean as scim from tenant_settings where tenant_id = $1`,
      [tenant],
    );
    if (!known) return this.progress(tenant);
    if (known.scim)
      throw new Problem(
        'scim_enabled',
        `SCIM is on for the tenant "${known.slug}", so it is not erased. Switch SCIM off first.`,
        undefined,
        { tenant: known.slug },
      );
    await this.database.query(insertErasure, [tenant, known.slug, by, people ?? null]);
    this.loop.wake();
    return this.progress(tenant);
  }

  async progress(tenant: string): Promise<TenantErasure> {
    const [erasure] = await this.database.query<TenantErasure>(erasureOf, [tenant]);
    if (erasure) return erasure;
    throw new Problem('tenant_unknown', 'The tenant is unknown here, and nobody requested its erasure.', undefined, {
      tenant,
    });
  }

  /** Takes one step of each erasure. Resolves with true if there is more to do at once. */
  async round(): Promise<boolean> {
    let more = false;
    for (const erasure of await this.database.query<Unfinished>(unfinishedErasures(SETTLE_SECONDS)))
      more = (erasure.closedAt ? await this.erase(erasure) : await this.close(erasure)) || more;
    return more;
  }

  private async close(closing: Unfinished): Promise<boolean> {
    const { tenant } = closing;
    const waitsFor = (await this.owner.close(closing)) ?? (await this.unpublished(tenant));
    if (waitsFor !== null) {
      await this.database.query('update tenant_erasure set waits_for = $2 where tenant = $1', [tenant, waitsFor]);
      return false;
    }
    const people = await this.owner.countPeople?.(tenant);
    await this.database.tx(async (tx) => {
      await tx.query(markErased, [tenant]);
      await tx.query(
        `update tenant_erasure set closed_at = clock_timestamp(), waits_for = null, people = coalesce($2, people)
          where tenant = $1 and closed_at is null`,
        [tenant, people ?? null],
      );
    });
    return true;
  }

  private async unpublished(tenant: string): Promise<ErasureWait | null> {
    if (this.owner.publishes === false) return null;
    const rows = await this.database.query('select 1 from outbox where tenant = $1 limit 1', [tenant]);
    return rows.length > 0 ? 'events' : null;
  }

  private async erase({ tenant, isSettled }: Unfinished): Promise<boolean> {
    const [erased] = await this.database.query<{ rows: number }>(eraseTenantBatch(this.database.schema), [
      tenant,
      BATCH,
    ]);
    const rows = erased?.rows ?? 0;
    if (rows > 0) {
      await this.database.query('update tenant_erasure set rows = rows + $2 where tenant = $1', [tenant, rows]);
      return true;
    }
    if (!isSettled) return false;
    await this.database.query('update tenant_erasure set finished_at = clock_timestamp() where tenant = $1', [tenant]);
    this.logger.info({ tenant, code: 'tenant_erased' }, 'everything that this service stored of a tenant is erased');
    return false;
  }
}

/** Provides the erasure of tenants in a service whose module also provides `owner`. */
export const tenantErasures = (owner: Type<TenantOwner>): FactoryProvider<TenantErasures> => ({
  provide: TenantErasures,
  inject: [Database, owner, LOGGER],
  useFactory: (database: Database, closing: TenantOwner, logger: Logger) =>
    new TenantErasures(database, closing, logger),
});
