import { Injectable } from '@nestjs/common';
import type { TenantErasure } from '#contracts';
import { Outbox } from '#event-bus';
import { Database, Problem, type Tx } from '#platform';
import { deleteTenantSecrets, SecretStore } from '#secrets';
import { defaultSettings } from '#settings';
import { eraseTenantBatch, erasureOf, insertErasure, latestErasureOfSlug, markErased } from '#worker';
import { Publishing } from './publishing.js';
import { secretStoreDown, unknownTenant } from './refusals.js';
import { insertAudit, lockTenant, type Tenant } from './tenant.sql.js';

const BATCH = 10_000;

/**
 * Begins and ends the erasure of a tenant. In between, the other services erase what they store. The row of
 * `hub.tenant_erasure` stays: it names the slug, the times and the person who requested the erasure.
 */
@Injectable()
export class TenantErasureService {
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly publishing: Publishing,
    private readonly secrets: SecretStore,
  ) {}

  /** Refuses every later change of the tenant, so that nobody switches SCIM on again. */
  start(slug: string, by: string): Promise<TenantErasure> {
    return this.database.tx(async (tx) => {
      const tenant = await lockTenant(tx, slug);
      if (!tenant) throw unknownTenant(slug);
      const [begun] = await tx.query<TenantErasure>(erasureOf, [tenant.id]);
      if (begun) return begun;
      if (tenant.settings.scimEnabled)
        throw new Problem(
          'scim_enabled',
          `SCIM is on for the tenant "${slug}", so it is not erased. Switch SCIM off first.`,
          undefined,
          { tenant: slug },
        );
      await tx.query(insertErasure, [tenant.id, slug, by, null]);
      await insertAudit(tx, tenant.id, { by, action: 'erase', changed: [] }, tenant.version);
      return erasure(tx, tenant.id);
    });
  }

  /** Deletes the secrets and all rows of the tenant. Its slug may be used again afterwards. */
  async finish(slug: string): Promise<TenantErasure> {
    const done = await this.database.tx(async (tx) => {
      const tenant = await lockTenant(tx, slug);
      const [begun] = tenant
        ? await tx.query<TenantErasure>(erasureOf, [tenant.id])
        : await tx.query<TenantErasure>(latestErasureOfSlug, [slug]);
      if (!begun) throw tenant ? notRequested(slug) : unknownTenant(slug);
      if (!tenant) return begun;
      await deleteTenantSecrets(this.secrets, tenant.id).catch((error: unknown) =>
        secretStoreDown(error, `The secrets of "${slug}" are not deleted yet`),
      );
      await this.publishLastVersion(tx, tenant);
      return this.eraseRows(tx, tenant.id);
    });
    await this.publishing.drain();
    return done;
  }

  /** The topic keeps the last event of each tenant for ever, so this event contains nothing of the tenant but its id. */
  private publishLastVersion(tx: Tx, { id, version }: Tenant): Promise<void> {
    return this.outbox.add(tx, [
      {
        type: 'com.stackflow.integration.settings.changed.v1',
        tenant: id,
        subject: id,
        sequence: version + 1,
        causationId: 'erasure',
        data: {
          ...defaultSettings(),
          tenant: { id, slug: `erased-${id}`, host: null },
          scimEnabled: false,
          scimToken: null,
        },
      },
    ]);
  }

  private async eraseRows(tx: Tx, tenant: string): Promise<TenantErasure> {
    await tx.query(markErased, [tenant]);
    let total = 0;
    for (let rows = -1; rows !== 0; total += rows)
      rows = (await tx.query<{ rows: number }>(eraseTenantBatch('hub'), [tenant, BATCH]))[0]?.rows ?? 0;
    await tx.query(
      'update tenant_erasure set closed_at = clock_timestamp(), finished_at = clock_timestamp(), rows = $2 where tenant = $1',
      [tenant, total],
    );
    return erasure(tx, tenant);
  }
}

async function erasure(tx: Tx, tenant: string): Promise<TenantErasure> {
  const [row] = await tx.query<TenantErasure>(erasureOf, [tenant]);
  if (!row) throw new Error(`tenant ${tenant} has no erasure`);
  return row;
}

const notRequested = (slug: string): Problem =>
  new Problem('conflict', `Nobody requested the erasure of the tenant "${slug}".`, undefined, { tenant: slug });
