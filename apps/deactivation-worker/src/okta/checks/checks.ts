/**
 * Asks Okta about the people of the queue and passes on what it says. Hints, comparisons and repetitions all come
 * through here, one question per person at a time, so that nothing older than the last answer ever decides.
 *
 * A tenant whose Okta does not answer waits as a whole, alone: others go on.
 */
import { randomUUID } from 'node:crypto';
import { isDatabaseOutage, Loop, type PlatformContext } from '#platform';
import type { OktaOrg, OktaOrgs } from '../orgs.js';
import { failureCode } from './patience.js';
import { askAboutKeptOut, claimCheck, dueTenants, forgetTenant } from './check.sql.js';
import { CheckRun, type Claimed } from './check-run.js';
import { TenantPauses } from './tenant-pauses.js';

const POLL_MS = 500;
/** Tenants that are worked on at the same time, and questions about one of them. */
const TENANTS = 8;
const LANES = 4;
const RECHECK_EVERY_MS = 60_000;
const RECHECK_AFTER_SECONDS = 15 * 60;

export class OktaChecks {
  private readonly active = new Map<string, Promise<void>>();
  private readonly pauses = new TenantPauses();
  private readonly loop: Loop;
  private stopped = false;
  private recheckedAt = -Infinity;

  constructor(
    private readonly platform: PlatformContext,
    private readonly orgs: OktaOrgs,
    private readonly checkRun: CheckRun,
  ) {
    this.loop = new Loop('okta-checks', POLL_MS, platform.logger, () => this.round());
    orgs.onChange((tenant) => {
      this.pauses.end(tenant);
      this.poke();
    });
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    await this.loop.stop();
    await Promise.all(this.active.values());
  }

  poke(): void {
    this.loop.poke();
  }

  private async round(): Promise<boolean> {
    const { database } = this.platform;
    if (performance.now() - this.recheckedAt >= RECHECK_EVERY_MS) {
      this.recheckedAt = performance.now();
      await database.query(askAboutKeptOut, [RECHECK_AFTER_SECONDS]);
    }
    if (this.active.size >= TENANTS) return false;
    const skipped = [...this.active.keys(), ...this.pauses.tenants()];
    const due = await database.query<{ tenant: string }>(dueTenants, [skipped]);
    for (const { tenant } of due.slice(0, TENANTS - this.active.size)) {
      const work = this.drain(tenant).finally(() => {
        this.active.delete(tenant);
        this.loop.poke();
      });
      this.active.set(tenant, work);
    }
    return false;
  }

  /** Never rejects: what fails is logged and waits. */
  private async drain(tenant: string): Promise<void> {
    try {
      const org = await this.orgs.org(tenant);
      if (org) await Promise.all(Array.from({ length: LANES }, () => this.lane(tenant, org)));
      else await this.platform.database.query(forgetTenant, [tenant]);
    } catch (error) {
      this.failed(tenant, error);
    }
  }

  private async lane(tenant: string, org: OktaOrg): Promise<void> {
    while (!this.stopped && !this.pauses.has(tenant)) {
      const claim = randomUUID();
      const [row] = await this.platform.database.query<Claimed>(claimCheck, [tenant, claim]);
      if (!row) return;
      const check = { tenant, claim, ...row };
      try {
        await this.checkRun.ask(check, org);
        this.pauses.end(tenant);
      } catch (error) {
        const seconds = this.failed(tenant, error);
        await this.checkRun.postpone(check, seconds, error);
      }
    }
  }

  /** The seconds for which the tenant waits. */
  private failed(tenant: string, error: unknown): number {
    const { logger } = this.platform;
    const fresh = !this.pauses.has(tenant);
    const seconds = this.pauses.begin(tenant, error);
    const code = failureCode(error);
    if (isDatabaseOutage(error))
      logger.warn({ tenant, code: 'database_unavailable', reason: String(error) }, 'the database is away; waiting');
    else if (code === 'internal') logger.error({ tenant, code, err: error }, 'a check with Okta failed on our side');
    else if (fresh) logger.warn({ tenant, code, reason: String(error), seconds }, 'Okta cannot be asked; hints wait');
    return seconds;
  }
}
