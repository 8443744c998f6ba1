/** Lets a tenant's own event hook in, and nobody else; stores what it says. */
import { hookEvents, verifyHookSecret } from '#okta';
import { Problem, RateLimit, type PlatformContext } from '#platform';
import type { OktaCredentials } from '#secrets';
import type { OktaOrgs } from '../orgs.js';
import { storeHints } from './hint.sql.js';

/** Deliveries; each may carry hundreds of events. Okta gives a whole org 400,000 events a day. */
const PER_SECOND = 20;
const BURST = 100;
const RETRY_SECONDS = 5;

export class HookDoor {
  private readonly limit = new RateLimit(PER_SECOND, BURST);
  private readonly deliveries;

  constructor(
    private readonly platform: PlatformContext,
    private readonly orgs: OktaOrgs,
    /** Told after hints were stored. */
    private readonly stored: () => void,
  ) {
    this.deliveries = platform.metrics.counter('okta_hook_total', "Requests of Okta's event hooks", ['outcome']);
  }

  /**
   * The tenant's id. One answer for all who are not let in: which tenants exist, and which are connected, is nobody's
   * business. "Cannot know" is a 503, which Okta repeats; a 4xx it does not.
   */
  async open(slug: string, authorization: string | undefined): Promise<string> {
    const tenant = await this.orgs.connectedBySlug(slug);
    const isOpen =
      tenant !== null &&
      ((await this.matches(tenant.tenantId, authorization, false)) ||
        // It may have been rotated a moment ago.
        (await this.matches(tenant.tenantId, authorization, true)));
    if (isOpen) return tenant.tenantId;
    this.deliveries.inc({ outcome: 'refused' });
    throw new Problem(
      'unauthenticated',
      'The event hook needs the secret that "npm run tenant -- connect-okta" printed, in the header Authorization.',
    );
  }

  /** After it every hint is stored, or the request failed; stored twice it is the same hint. */
  async take(tenant: string, body: unknown): Promise<void> {
    if (this.limit.take(tenant) > 0) {
      this.deliveries.inc({ outcome: 'limited' });
      throw new Problem('unavailable', 'Too many deliveries of this event hook at once.', RETRY_SECONDS);
    }
    const events = hookEvents(body);
    const fresh = await storeHints(this.platform.database, tenant, events);
    this.deliveries.inc({ outcome: events.length === 0 ? 'empty' : fresh === 0 ? 'repeated' : 'stored' });
    if (fresh > 0) this.stored();
  }

  private async matches(tenant: string, authorization: string | undefined, doubted: boolean): Promise<boolean> {
    const credentials = await this.orgs.credentials(tenant, doubted).catch((error: unknown) => {
      this.deliveries.inc({ outcome: 'unavailable' });
      this.platform.logger.warn(
        { tenant, code: 'secret_store_unavailable', reason: String(error) },
        'hook not checked',
      );
      throw new Problem('unavailable', 'The secret of this event hook cannot be checked at the moment.', RETRY_SECONDS);
    });
    return fits(credentials, authorization);
  }
}

/** Compares with every secret, valid or not, so that the duration does not tell which one came close. */
function fits(credentials: OktaCredentials | null, authorization: string | undefined): boolean {
  const now = Date.now();
  return (credentials?.hookSecrets ?? [])
    .map(({ secret, validUntil }) => verifyHookSecret(authorization, secret) && now < validUntil)
    .includes(true);
}
