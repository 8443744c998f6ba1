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
 * - connect Okta: the secret first, then the settings, whose event tells the readers of the secret that it is new. A
 *   crash leaves a secret that nobody uses, or whose hook secret nobody saw: repeat it with a rotation.
 * - disconnect Okta: the settings first, so that nothing uses what is erased. A crash leaves a secret that nobody uses;
 *   repeating the command erases it.
 * - connect and disconnect SSO: the same, with the secret of the OIDC client, which Okta issues and we never show.
 */
import { randomUUID } from 'node:crypto';
import type { Outbox } from '#event-bus';
import type { TenantSettings } from '#events';
import { Problem, type Database, type Tx } from '#platform';
import {
  createScimToken,
  eraseOidcSecret,
  eraseOktaSecret,
  rotateScimToken,
  writeOidcSecret,
  writeOktaSecret,
  type IssuedScimToken,
  type OktaSecretChange,
  type SecretStore,
  type WrittenOktaSecret,
} from '#secrets';
import { defaultSettings, type OktaSettings } from '#settings';
import type { Publishing } from './publishing.js';
import { hostTaken, noSecretStore, ssoClient, unknownTenant, withChange, type TenantChange } from './tenant-change.js';
import { checkSlug } from './tenant-rules.js';
import { allTenants, insertTenant, insertVersion, lockTenant, tenantBySlug, type Tenant } from './tenant.sql.js';

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

export interface OktaConnection extends OktaSecretChange {
  readonly okta: NonNullable<OktaSettings['okta']>;
}

/** `hook.hookSecret` is set when this call issued one; it cannot be had again. */
export interface ConnectResult extends TenantResult {
  readonly hook: WrittenOktaSecret;
}

export interface SsoConnection {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Left out: the one in force, else the org's own authorization server. */
  readonly issuer?: string | undefined;
}

type Connection = 'okta' | 'sso';

interface Version {
  readonly who: string;
  readonly action:
    'create' | 'configure' | 'issue-token' | 'rotate-token' | `${'connect' | 'disconnect'}-${Connection}`;
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

  /**
   * Connects the tenant to its Okta org, or changes the connection. Always a new version, also when the settings stay
   * the same: its event is how the services learn that the API token is another one.
   */
  async connectOkta(slug: string, { okta, ...secret }: OktaConnection, who: string): Promise<ConnectResult> {
    const connected = await this.database.tx(async (tx) => {
      const tenant = (await lockTenant(tx, slug)) ?? unknownTenant(slug);
      const next = withChange(tenant.settings, { okta }); // refuses before a secret is written
      const hook = await writeOktaSecret(this.secrets, tenant.id, secret).catch((error: unknown) =>
        noSecretStore(error, 'Okta was not connected'),
      );
      const changed = [...next.changed, 'oktaApiToken', ...(hook.hookSecret === null ? [] : ['oktaEventHookSecret'])];
      const version: Version = { who, action: 'connect-okta', changed };
      return { tenant: await this.newVersion(tx, next.settings, tenant.version + 1, version), hook, changed };
    });
    return { ...(await this.published({ ...connected, token: null })), hook: connected.hook };
  }

  /** Event hooks are refused from now on and nothing is compared; token and hook secret are erased. */
  disconnectOkta(slug: string, who: string): Promise<TenantResult> {
    return this.disconnect('okta', slug, who, (id) =>
      eraseOktaSecret(this.secrets, id).catch((error: unknown) =>
        noSecretStore(error, 'Okta is disconnected, but its API token and hook secret are not erased yet'),
      ),
    );
  }

  /** Lets people sign in through Okta, or changes how. Always a new version, for the reason of `connectOkta`. */
  async connectSso(slug: string, { clientSecret, ...client }: SsoConnection, who: string): Promise<TenantResult> {
    const connected = await this.database.tx(async (tx) => {
      const tenant = (await lockTenant(tx, slug)) ?? unknownTenant(slug);
      const { settings, changed } = withChange(tenant.settings, { sso: ssoClient(tenant.settings, client) });
      await writeOidcSecret(this.secrets, tenant.id, clientSecret).catch((error: unknown) =>
        noSecretStore(error, 'Sign-in through Okta was not connected'),
      );
      const version: Version = { who, action: 'connect-sso', changed: [...changed, 'ssoClientSecret'] };
      return { tenant: await this.newVersion(tx, settings, tenant.version + 1, version), changed: version.changed };
    });
    return this.published({ ...connected, token: null });
  }

  /** Nobody signs in any more; sessions that were opened live until they end. The client's secret is erased. */
  disconnectSso(slug: string, who: string): Promise<TenantResult> {
    return this.disconnect('sso', slug, who, (id) =>
      eraseOidcSecret(this.secrets, id).catch((error: unknown) =>
        noSecretStore(error, "Sign-in through Okta is off, but the client's secret is not erased yet"),
      ),
    );
  }

  /** What was stored and not published by an earlier call that met a dead carrier. */
  publish(): Promise<boolean> {
    return this.publishing.drain();
  }

  private async disconnect(
    connection: Connection,
    slug: string,
    who: string,
    erase: (tenantId: string) => Promise<void>,
  ): Promise<TenantResult> {
    const { tenant, changed } = await this.database.tx(async (tx) => {
      const tenant = (await lockTenant(tx, slug)) ?? unknownTenant(slug);
      const { settings, changed } = withChange(tenant.settings, { [connection]: null });
      if (changed.length === 0) return { tenant, changed };
      const version: Version = { who, action: `disconnect-${connection}`, changed };
      return { tenant: await this.newVersion(tx, settings, tenant.version + 1, version), changed };
    });
    const result = await this.published({ tenant, token: null, changed });
    // Under the tenant's lock, so that it is not the secret of a connection that was made meanwhile.
    await this.database.tx(async (tx) => {
      const now = await lockTenant(tx, slug);
      if (now && !now.settings[connection]) await erase(now.id);
    });
    return result;
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
