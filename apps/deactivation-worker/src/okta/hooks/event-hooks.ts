/** Authenticates and stores deliveries of a tenant's event hook. */
import { Inject, Injectable } from '@nestjs/common';
import { hookEvents, verifyHookSecret } from '#okta';
import { Database, LOGGER, Metrics, Problem, RateLimit, type Logger } from '#platform';
import type { OktaCredentials } from '#secrets';
import { OktaChecks } from '../checks/checks.js';
import { OktaOrgs } from '../orgs.js';
import { hintsOf, storeHints } from './hint.sql.js';

/**
 * Limits of deliveries per tenant. A delivery may contain hundreds of events, and Okta allows an org 400,000 events a
 * day.
 */
const PER_SECOND = 20;
const BURST = 100;
const RETRY_SECONDS = 5;

/** The tenant that a delivery belongs to, and the id of its Okta app. */
export interface HookOwner {
  readonly tenant: string;
  readonly appId: string;
}

@Injectable()
export class OktaEventHooks {
  private readonly limit = new RateLimit(PER_SECOND, BURST);
  private readonly deliveries;

  constructor(
    private readonly database: Database,
    private readonly orgs: OktaOrgs,
    private readonly checks: OktaChecks,
    @Inject(LOGGER) private readonly logger: Logger,
    metrics: Metrics,
  ) {
    this.deliveries = metrics.counter('okta_hook_total', "Requests of Okta's event hooks", ['outcome']);
  }

  /**
   * Authenticates a delivery and resolves with the tenant and its app. All refusals look the same, so that callers cannot find
   * out which tenants exist or are connected. If the secret cannot be read, the answer is 503; Okta repeats a delivery
   * after a 503, but not after a 4xx.
   */
  async authenticate(slug: string, authorization: string | undefined): Promise<HookOwner> {
    const tenant = await this.orgs.connectedBySlug(slug);
    const appId = tenant?.settings.okta?.appId;
    const isAuthentic =
      tenant !== null &&
      ((await this.matches(tenant.tenantId, authorization, false)) ||
        // Read the secret from the store again, because it may just have been rotated.
        (await this.matches(tenant.tenantId, authorization, true)));
    if (isAuthentic && appId !== undefined) return { tenant: tenant.tenantId, appId };
    this.deliveries.inc({ outcome: 'refused' });
    throw new Problem(
      'unauthenticated',
      'The header Authorization must contain the secret that was created when the tenant was connected to Okta.',
    );
  }

  /** Stores all events of the delivery before the promise resolves. A repeated delivery stores nothing new. */
  async deliver({ tenant, appId }: HookOwner, body: unknown): Promise<void> {
    if (this.limit.take(tenant) > 0) {
      this.deliveries.inc({ outcome: 'limited' });
      throw new Problem('unavailable', 'Too many deliveries of this event hook at once.', RETRY_SECONDS);
    }
    const hints = hintsOf(hookEvents(body), appId);
    const fresh = await storeHints(this.database, tenant, hints);
    this.deliveries.inc({ outcome: hints.length === 0 ? 'empty' : fresh === 0 ? 'repeated' : 'stored' });
    if (fresh > 0) this.checks.wake();
  }

  private async matches(tenant: string, authorization: string | undefined, renew: boolean): Promise<boolean> {
    const credentials = await this.orgs.credentials(tenant, renew).catch((error: unknown) => {
      this.deliveries.inc({ outcome: 'unavailable' });
      this.logger.warn(
        { tenant, code: 'secret_store_unavailable', reason: String(error) },
        'Cannot read the secret of an event hook, so a delivery was answered 503 and Okta will repeat it. Check Secrets Manager and the IAM role of this service.',
      );
      throw new Problem('unavailable', 'The secret of this event hook cannot be checked at the moment.', RETRY_SECONDS);
    });
    return matchesAny(credentials, authorization);
  }
}

/**
 * Compares the header with every secret, valid or not, so that the duration does not reveal which secret is similar.
 */
function matchesAny(credentials: OktaCredentials | null, authorization: string | undefined): boolean {
  const now = Date.now();
  return (credentials?.hookSecrets ?? [])
    .map(({ secret, validUntil }) => verifyHookSecret(authorization, secret) && now < validUntil)
    .includes(true);
}
