/**
 * The tenants, their settings and their SCIM token.
 *
 * Each change is one transaction: lock the tenant, new version, outbox row; the event carries the full settings in
 * force, without secrets, and its sequence is the version. After the commit the outbox is drained; `published` tells
 * whether that succeeded in time.
 *
 * Order with the secret store, so that a crash at any point can be repaired by repeating the command:
 * - create: the tenant first (without a token), then the secret, then the settings that tell of it, then the token is
 *   shown. A crash leaves a tenant without a token in its settings, which the next `create` completes.
 * - rotate: the secret first, then the settings. A crash leaves a secret whose token nobody saw; the next rotation
 *   replaces it and keeps the grace of the token that stands in Okta (`earlier` in libs/secrets).
 */
import { randomUUID } from 'node:crypto';
import type { Outbox } from '#event-bus';
import type { TenantSettings } from '#events';
import { Problem, violatedConstraint, type Database, type Tx } from '#platform';
import {
  createScimToken,
  rotateScimToken,
  SecretStoreUnavailable,
  type IssuedScimToken,
  type SecretStore,
} from '#secrets';
import {
  brakeOf,
  changeSettings,
  defaultSettings,
  SettingsError,
  type ChangedSettings,
  type OktaSettings,
  type SettingsChange,
} from '#settings';
import type { Publishing } from './publishing.js';
import { checkHost, checkSlug } from './tenant-rules.js';
import { allTenants, insertTenant, insertVersion, lockTenant, tenantBySlug, type Tenant } from './tenant.sql.js';

export interface TenantChange extends SettingsChange {
  /** null takes the host name away. */
  readonly host?: string | null | undefined;
}

export interface NewTenant {
  readonly slug: string;
  readonly change?: TenantChange;
  readonly who: string;
}

/** `token` is set when this call issued one; it cannot be had again. */
export interface TenantResult {
  readonly tenant: Tenant;
  readonly token: IssuedScimToken | null;
  readonly changed: readonly string[];
  readonly published: boolean;
}

interface Version {
  readonly who: string;
  readonly action: 'create' | 'configure' | 'issue-token' | 'rotate-token';
  readonly changed: readonly string[];
  readonly detail?: Readonly<Record<string, unknown>>;
}

export class TenantStore {
  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly secrets: SecretStore,
    private readonly publishing: Publishing,
  ) {}

  list(): Promise<Tenant[]> {
    return allTenants(this.database);
  }

  async show(slug: string): Promise<Tenant> {
    return (await tenantBySlug(this.database, slug)) ?? unknownTenant(slug);
  }

  /**
   * Creates the tenant and its first SCIM token. Repeating it completes a creation that was interrupted; of a complete
   * tenant it says so with a `conflict`, or returns it without a token if `ifMissing` is set.
   */
  async create({ slug, change = {}, who }: NewTenant, options: { ifMissing?: boolean } = {}): Promise<TenantResult> {
    checkSlug(slug);
    const first = await this.firstVersion(slug, change, who);
    const { tenant, token } = await this.firstToken(slug, who);
    if (token) return this.published({ tenant, token, changed: first });
    if (options.ifMissing) return this.published({ tenant, token: null, changed: [] });
    throw new Problem(
      'conflict',
      `The tenant "${slug}" exists; its SCIM token was issued at ${tenant.settings.scimToken?.issuedAt}. To get a new token: npm run tenant -- rotate-token ${slug}`,
    );
  }

  /** Applies a partial change; without a difference there is no new version and no event. */
  async configure(slug: string, change: TenantChange, who: string): Promise<TenantResult> {
    const { tenant, changed } = await this.database
      .tx(async (tx) => {
        const tenant = (await lockTenant(tx, slug)) ?? unknownTenant(slug);
        const { settings, changed } = withChange(tenant.settings, change);
        if (changed.length === 0) return { tenant, changed };
        return {
          tenant: await this.newVersion(tx, settings, tenant.version + 1, { who, action: 'configure', changed }),
          changed,
        };
      })
      .catch((error: unknown) => hostTaken(error, change.host));
    return this.published({ tenant, token: null, changed });
  }

  /** A new SCIM token; the one before stays valid for `graceMs`, 0 = for no moment longer. */
  async rotateToken(slug: string, graceMs: number, who: string): Promise<TenantResult> {
    const rotated = await this.database.tx(async (tx) => {
      const tenant = (await lockTenant(tx, slug)) ?? unknownTenant(slug);
      const token = await rotateScimToken(this.secrets, tenant.id, graceMs).catch((error: unknown) =>
        noSecretStore(error, 'The SCIM token was not rotated'),
      );
      return {
        tenant: await this.tokenVersion(tx, tenant, token, {
          who,
          action: 'rotate-token',
          changed: ['scimToken'],
          detail: { graceMs },
        }),
        token,
      };
    });
    return this.published({ ...rotated, changed: ['scimToken'] });
  }

  /** What was stored and not published by an earlier call that met a dead carrier. */
  publish(): Promise<boolean> {
    return this.publishing.drain();
  }

  private async firstVersion(slug: string, change: TenantChange, who: string): Promise<readonly string[]> {
    const tenant = { id: randomUUID(), slug, host: null };
    const { settings, changed } = withChange({ tenant, ...defaultSettings(), scimToken: null }, change);
    return this.database
      .tx(async (tx) => {
        if (!(await insertTenant(tx, settings.tenant))) return [];
        await this.newVersion(tx, settings, 1, { who, action: 'create', changed });
        return changed;
      })
      .catch((error: unknown) => hostTaken(error, change.host));
  }

  /** The row lock makes concurrent creations of one tenant issue one token. */
  private firstToken(slug: string, who: string): Promise<{ tenant: Tenant; token: IssuedScimToken | null }> {
    return this.database.tx(async (tx) => {
      const tenant = (await lockTenant(tx, slug)) ?? unknownTenant(slug);
      if (tenant.settings.scimToken) return { tenant, token: null };
      const token = await createScimToken(this.secrets, tenant.id).catch((error: unknown) =>
        noSecretStore(error, `The tenant "${slug}" is stored, but has no SCIM token yet`),
      );
      return {
        tenant: await this.tokenVersion(tx, tenant, token, { who, action: 'issue-token', changed: ['scimToken'] }),
        token,
      };
    });
  }

  private tokenVersion(tx: Tx, tenant: Tenant, token: IssuedScimToken, version: Version): Promise<Tenant> {
    const scimToken = {
      issuedAt: token.issuedAt.toISOString(),
      previousValidUntil: token.previousValidUntil?.toISOString() ?? null,
    };
    return this.newVersion(tx, { ...tenant.settings, scimToken }, tenant.version + 1, version);
  }

  private async newVersion(
    tx: Tx,
    settings: TenantSettings,
    version: number,
    { who, action, changed, detail = {} }: Version,
  ): Promise<Tenant> {
    const { id, slug } = settings.tenant;
    await insertVersion(tx, settings, version, { changed, who, action, detail });
    await this.outbox.add(tx, [
      {
        type: 'com.stackflow.integration.settings.changed.v1',
        tenant: id,
        subject: id,
        sequence: version,
        causationId: `cli:${who}`,
        data: settings,
      },
    ]);
    return (await tenantBySlug(tx, slug)) ?? unknownTenant(slug);
  }

  private async published(result: Omit<TenantResult, 'published'>): Promise<TenantResult> {
    return { ...result, published: await this.publishing.drain() };
  }
}

/** The settings after `change`, with the tenant's host; what is wrong with them becomes one problem. */
function withChange(
  current: TenantSettings,
  { host, ...change }: TenantChange,
): { settings: TenantSettings; changed: readonly string[] } {
  const next = acceptable({ ...current, brake: brakeOf(current), okta: current.okta ?? null }, change);
  const newHost = host === undefined || host === null ? host : checkHost(host);
  const tenant = newHost === undefined ? current.tenant : { ...current.tenant, host: newHost };
  const changed = tenant.host === current.tenant.host ? next.changed : ['host', ...next.changed];
  return { settings: { ...current, ...next.settings, tenant }, changed };
}

function acceptable(current: OktaSettings, change: SettingsChange): ChangedSettings {
  try {
    return changeSettings(current, change);
  } catch (error) {
    if (error instanceof SettingsError) throw new Problem('invalid_request', error.faults.join('\n'));
    throw error;
  }
}

function unknownTenant(slug: string): never {
  throw new Problem('not_found', `There is no tenant "${slug}". "npm run tenant -- list" shows those that exist.`);
}

function hostTaken(error: unknown, host: string | null | undefined): never {
  if (violatedConstraint(error) === 'tenant_host_key')
    throw new Problem('conflict', `The host name ${host} belongs to another tenant.`);
  throw error;
}

function noSecretStore(error: unknown, what: string): never {
  if (!(error instanceof SecretStoreUnavailable)) throw error;
  throw new Problem('unavailable', `${what}: ${error.message}. Repeat the command when the secret store answers.`, 5);
}
