import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { createScimToken, DEFAULT_GRACE_MS, rotateScimToken, SecretStore, type IssuedScimToken } from '#secrets';
import { defaultSettings } from '#settings';
import { checkSlug, hostTaken, secretStoreDown, tenantExists } from './refusals.js';
import { withChange, type ChangedTenant, type TenantChange } from './tenant-change.js';
import { TenantStore, type TenantResult } from './tenant.store.js';
import type { Tenant } from './tenant.sql.js';

export interface NewTenant {
  readonly slug: string;
  readonly change?: TenantChange | undefined;
  readonly by: string;
  /** If true, an existing tenant is returned without a token. If false, a slug that exists is refused. */
  readonly ifMissing?: boolean | undefined;
}

/** `token` is set only if this call issued a token. The token cannot be read again. */
export interface TokenResult extends TenantResult {
  readonly token: IssuedScimToken | null;
}

/**
 * Creates tenants, changes their settings, and issues their SCIM tokens.
 *
 * After a crash at any point, repeating the call completes the change:
 * - `create` stores the tenant, then the secret, then the settings that mention the token. A crash leaves a tenant
 *   without a token in its settings. The next `create` completes this tenant.
 * - `rotate` writes the secret, then the settings. A crash leaves a new token that nobody saw. The next rotation
 *   replaces this new token. The token that Okta uses stays valid for its grace period.
 */
@Injectable()
export class TenantService {
  constructor(
    private readonly store: TenantStore,
    private readonly secrets: SecretStore,
  ) {}

  async create({ slug, change = {}, by, ifMissing = false }: NewTenant): Promise<TokenResult> {
    checkSlug(slug);
    const tenant = { id: randomUUID(), slug, host: null };
    // A new tenant has no groups, so a first mapping of its own replaces all defaults.
    const first = withChange({ tenant, ...defaultSettings(), scimToken: null }, { ...change, usedNames: [] });
    const inserted = await this.store
      .insert(first, { by, action: 'create' })
      .catch((error: unknown) => hostTaken(error, change.host));
    const issued = await this.firstToken(slug, by);
    if (!issued.token && !ifMissing) throw tenantExists(slug, issued.tenant.settings.scimToken?.issuedAt ?? null);
    return this.store.published({ ...issued, changed: inserted ? first.changed : [] });
  }

  /** Applies a partial change. If nothing differs, there is no new version and no event. */
  async configure(slug: string, change: TenantChange, by: string): Promise<TenantResult> {
    const result = await this.store
      .change(slug, { by, action: 'configure' }, ({ settings }) => withChange(settings, change))
      .catch((error: unknown) => hostTaken(error, change.host));
    return this.store.published(result);
  }

  /** Issues a new SCIM token. The old token stays valid for `graceMs`; 0 revokes it at once. */
  async rotate(slug: string, by: string, graceMs = DEFAULT_GRACE_MS): Promise<TokenResult> {
    let token: IssuedScimToken | null = null;
    const result = await this.store.change(slug, { by, action: 'rotate-token' }, async (tenant) => {
      token = await rotateScimToken(this.secrets, tenant.id, graceMs).catch((error: unknown) =>
        secretStoreDown(error, 'The SCIM token was not rotated'),
      );
      return { ...withToken(tenant, token), detail: { graceMs } };
    });
    return this.store.published({ ...result, token });
  }

  /** Issues a token unless the tenant has one. The row lock lets concurrent calls issue only one token. */
  private async firstToken(slug: string, by: string): Promise<{ tenant: Tenant; token: IssuedScimToken | null }> {
    let token: IssuedScimToken | null = null;
    const { tenant } = await this.store.change(slug, { by, action: 'issue-token' }, async (tenant) => {
      if (tenant.settings.scimToken) return { settings: tenant.settings, changed: [] };
      token = await createScimToken(this.secrets, tenant.id).catch((error: unknown) =>
        secretStoreDown(error, `The tenant "${slug}" is stored, but has no SCIM token yet`),
      );
      return withToken(tenant, token);
    });
    return { tenant, token };
  }
}

function withToken({ settings }: Tenant, { issuedAt, previousValidUntil }: IssuedScimToken): ChangedTenant {
  const scimToken = {
    issuedAt: issuedAt.toISOString(),
    previousValidUntil: previousValidUntil?.toISOString() ?? null,
  };
  return { settings: { ...settings, scimToken }, changed: ['scimToken'] };
}
