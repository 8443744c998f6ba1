/**
 * Checks people in Okta, for event hooks, comparisons and regular checks. A person has one check at a time, so that an
 * older response of Okta never replaces a newer one. If Okta does not answer for a tenant, only that tenant's checks
 * pause.
 */
import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { CONFIG, Database, isDatabaseOutage, LOGGER, type Logger } from '#platform';
import { Loop, WorkerLease } from '#worker';
import type { WorkerConfig } from '../../config.js';
import { OffboardingWake } from '../../wake.js';
import { OktaOrgs, type OktaOrg } from '../orgs.js';
import { OktaCheckRun } from './check-run.js';
import {
  checkHeld,
  claimCheck,
  dueTenants,
  forgetTenant,
  recheckExcluded,
  releaseForgotten,
  wakeTenant,
  type Claimed,
} from './check.sql.js';
import { failureCode, TenantPauses } from './pauses.js';

const POLL_MS = 500;
/** Limits of concurrent checks, in total and per tenant. */
const CONCURRENCY = 32;
const CONCURRENCY_PER_TENANT = 4;
const RECHECK_EVERY_MS = 60_000;
const RECHECK_AFTER_SECONDS = 15 * 60;

@Injectable()
export class OktaChecks {
  /** Running loops. Each loop checks the people of one tenant, one after the other. A tenant may have several loops. */
  private readonly drains = new Set<{ readonly tenant: string; done: Promise<void> }>();
  private readonly pauses = new TenantPauses();
  private readonly reconnected = new Set<string>();
  private readonly claims = new Set<string>();
  private readonly lease: WorkerLease;
  private readonly loop: Loop;
  private stopped = false;
  private recheckedAt = -Infinity;
  private newlyHeld = false;

  constructor(
    private readonly database: Database,
    private readonly orgs: OktaOrgs,
    private readonly checkRun: OktaCheckRun,
    @Inject(CONFIG) { WORKER_LEASE_SECONDS }: WorkerConfig,
    @Inject(LOGGER) private readonly logger: Logger,
    wake: OffboardingWake,
  ) {
    this.lease = new WorkerLease(database, logger, WORKER_LEASE_SECONDS, () => [...this.claims], releaseForgotten);
    this.loop = new Loop('okta-checks', POLL_MS, logger, () => this.round());
    wake.on('held', () => {
      this.newlyHeld = true;
      this.wake();
    });
    orgs.onChange((tenant) => {
      this.pauses.end(tenant);
      this.reconnected.add(tenant);
      this.wake();
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.lease.start();
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    await this.loop.stop();
    await Promise.all([...this.drains].map((drain) => drain.done));
    await this.lease.stop();
  }

  wake(): void {
    this.loop.wake();
  }

  /** Starts one more loop for each tenant with a due check, up to the limits. */
  private async round(): Promise<boolean> {
    await this.orgs.refresh();
    await this.wakeReconnected();
    const recheck = performance.now() - this.recheckedAt >= RECHECK_EVERY_MS;
    if (recheck) {
      this.recheckedAt = performance.now();
      await this.database.query(recheckExcluded, [RECHECK_AFTER_SECONDS]);
    }
    if (recheck || this.newlyHeld) {
      this.newlyHeld = false;
      await this.database.query(checkHeld);
    }
    if (this.drains.size >= CONCURRENCY || !this.lease.fresh) return false;
    const skipped = [...this.busyTenants(), ...this.pauses.tenants()];
    const parameters = [skipped, this.lease.id, this.lease.seconds];
    const due = await this.database.query<{ tenant: string }>(dueTenants, parameters);
    for (const { tenant } of due.slice(0, CONCURRENCY - this.drains.size)) this.startDrain(tenant);
    return false;
  }

  /**
   * Makes the checks of reconnected tenants due now. The new connection may have corrected the token or app that made
   * the checks fail.
   */
  private async wakeReconnected(): Promise<void> {
    for (const tenant of this.reconnected) {
      await this.database.query(wakeTenant, [tenant]);
      this.reconnected.delete(tenant);
    }
  }

  private busyTenants(): string[] {
    const tenants = [...this.drains].map((drain) => drain.tenant);
    return tenants.filter((tenant) => tenants.filter((other) => other === tenant).length >= CONCURRENCY_PER_TENANT);
  }

  private startDrain(tenant: string): void {
    const drain = { tenant, done: Promise.resolve() };
    drain.done = this.drain(tenant).finally(() => {
      this.drains.delete(drain);
      this.wake();
    });
    this.drains.add(drain);
  }

  /** Checks people of one tenant until no check is due. Never rejects: a failure is logged and pauses the tenant. */
  private async drain(tenant: string): Promise<void> {
    try {
      const org = await this.orgs.org(tenant);
      if (!org) await this.database.query(forgetTenant, [tenant]);
      else while (this.mayContinue(tenant) && (await this.checkNext(tenant, org)));
    } catch (error) {
      this.failed(tenant, error);
    }
  }

  private mayContinue(tenant: string): boolean {
    return !this.stopped && this.lease.fresh && !this.pauses.has(tenant);
  }

  private async checkNext(tenant: string, org: OktaOrg): Promise<boolean> {
    const claim = randomUUID();
    this.claims.add(claim);
    try {
      const parameters = [tenant, claim, this.lease.id, this.lease.seconds];
      const [check] = await this.database.query<Claimed>(claimCheck, parameters);
      if (!check) return false;
      this.wake();
      await this.check(check, org);
      return true;
    } finally {
      this.claims.delete(claim);
    }
  }

  private async check(check: Claimed, org: OktaOrg): Promise<void> {
    try {
      await this.checkRun.run(check, org);
      this.pauses.end(check.tenant);
    } catch (error) {
      await this.checkRun.postpone(check, this.failed(check.tenant, error), error);
    }
  }

  /** Returns the seconds of the pause. */
  private failed(tenant: string, error: unknown): number {
    const isFirst = !this.pauses.has(tenant);
    const seconds = this.pauses.begin(tenant, error);
    const code = failureCode(error);
    const reason = String(error);
    if (isDatabaseOutage(error))
      this.logger.warn(
        { tenant, code: 'database_unavailable', reason },
        'The database is unavailable. Checks in Okta wait until the database answers.',
      );
    else if (code === 'internal')
      this.logger.error(
        { tenant, code, err: error },
        'A check in Okta failed because of an internal error. The check is repeated.',
      );
    else if (isFirst)
      this.logger.warn(
        { tenant, code, reason, seconds },
        'Okta does not answer the checks of a tenant. The checks wait and are repeated; `reason` says what to correct.',
      );
    return seconds;
  }
}
