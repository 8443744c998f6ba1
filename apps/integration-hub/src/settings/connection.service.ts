import { Injectable } from '@nestjs/common';
import {
  DEFAULT_GRACE_MS,
  eraseOidcSecret,
  eraseOktaSecret,
  SecretStore,
  writeOidcSecret,
  writeOktaSecret,
  type WrittenOktaSecret,
} from '#secrets';
import type { OktaSettings } from '#settings';
import { checkSecret, secretStoreDown } from './refusals.js';
import { ssoClient, withChange } from './tenant-change.js';
import { TenantStore, type TenantResult } from './tenant.store.js';

export interface OktaConnection {
  readonly okta: NonNullable<OktaSettings['okta']>;
  readonly apiToken: string;
  readonly rotateHookSecret?: boolean | undefined;
  readonly graceMs?: number | undefined;
}

export interface SsoConnection {
  readonly clientId: string;
  readonly clientSecret: string;
  /** If left out, the current issuer stays. Without a current issuer, the org's own authorization server is used. */
  readonly issuer?: string | undefined;
}

/** `hook.hookSecret` is set only if this call issued a hook secret. The secret cannot be read again. */
export interface ConnectResult extends TenantResult {
  readonly hook: WrittenOktaSecret;
}

/**
 * Connects a tenant to its Okta org (API token and event hook), and to the OIDC app through which people sign in.
 *
 * After a crash at any point, repeating the call completes the change:
 * - Connecting writes the secret first and then the settings. A crash leaves a secret that nobody uses, or a hook
 *   secret that nobody saw. In the second case, repeat the call with a rotation. Every call creates a new version of
 *   the settings, even if only the secret differs. The event of this version makes the services drop the old secret.
 * - Disconnecting changes the settings first and then erases the secret. A crash leaves a secret that nobody uses.
 */
@Injectable()
export class ConnectionService {
  constructor(
    private readonly store: TenantStore,
    private readonly secrets: SecretStore,
  ) {}

  async connectOkta(slug: string, connection: OktaConnection, by: string): Promise<ConnectResult> {
    const { okta, rotateHookSecret = false, graceMs = DEFAULT_GRACE_MS } = connection;
    const apiToken = checkSecret('apiToken', connection.apiToken);
    let hook: WrittenOktaSecret = { hookSecret: null, previousValidUntil: null };
    const result = await this.store.change(slug, { by, action: 'connect-okta' }, async ({ id, settings }) => {
      const next = withChange(settings, { okta }); // Refuses an invalid change before a secret is written.
      hook = await writeOktaSecret(this.secrets, id, { apiToken, rotateHookSecret, graceMs }).catch((error: unknown) =>
        secretStoreDown(error, 'Okta was not connected'),
      );
      const secrets = ['oktaApiToken', ...(hook.hookSecret === null ? [] : ['oktaEventHookSecret'])];
      return { ...next, changed: [...next.changed, ...secrets] };
    });
    return this.store.published({ ...result, hook });
  }

  /** Ends comparisons with Okta, refuses event hooks, and erases the API token and the secret of the event hook. */
  disconnectOkta(slug: string, by: string): Promise<TenantResult> {
    return this.disconnect('okta', slug, by, (id) =>
      eraseOktaSecret(this.secrets, id).catch((error: unknown) =>
        secretStoreDown(error, 'Okta is disconnected, but its API token and hook secret are not erased yet'),
      ),
    );
  }

  async connectSso(slug: string, { clientSecret, ...client }: SsoConnection, by: string): Promise<TenantResult> {
    const secret = checkSecret('clientSecret', clientSecret);
    const result = await this.store.change(slug, { by, action: 'connect-sso' }, async ({ id, settings }) => {
      const next = withChange(settings, { sso: ssoClient(settings, client) });
      await writeOidcSecret(this.secrets, id, secret).catch((error: unknown) =>
        secretStoreDown(error, 'Sign-in through Okta was not connected'),
      );
      return { ...next, changed: [...next.changed, 'ssoClientSecret'] };
    });
    return this.store.published(result);
  }

  /** Ends sign-in through Okta and erases the client secret. Existing sessions continue until they expire. */
  disconnectSso(slug: string, by: string): Promise<TenantResult> {
    return this.disconnect('sso', slug, by, (id) =>
      eraseOidcSecret(this.secrets, id).catch((error: unknown) =>
        secretStoreDown(error, 'Sign-in through Okta is off, but the client secret is not erased yet'),
      ),
    );
  }

  private async disconnect(
    connection: 'okta' | 'sso',
    slug: string,
    by: string,
    erase: (tenantId: string) => Promise<void>,
  ): Promise<TenantResult> {
    const change = await this.store.change(slug, { by, action: `disconnect-${connection}` }, ({ settings }) =>
      withChange(settings, { [connection]: null }),
    );
    const result = await this.store.published(change);
    // Check again under the lock of the tenant. If the tenant was connected again meanwhile, the new secret must stay.
    await this.store.locked(slug, async ({ id, settings }) => {
      if (!settings[connection]) await erase(id);
    });
    return result;
  }
}
