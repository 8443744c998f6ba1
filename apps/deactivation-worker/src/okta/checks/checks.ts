/**
 * Asks Okta about the people of the queue and passes on what it says. Hints, comparisons and repetitions all come
 * through here, one question per person at a time, so that nothing older than the last answer ever decides.
 *
 * A tenant whose Okta does not answer waits as a whole, alone: others go on.
 */
import { randomUUID } from 'node:crypto';
import { isDatabaseOutage, type PlatformContext } from '#platform';
import { Loop, WorkerLease } from '#worker';
import type { OktaOrg, OktaOrgs } from '../orgs.js';
import { failureCode } from './patience.js';
import { askAboutKeptOut, claimCheck, dueTenants, forgetTenant, releaseForgotten, wakeTenant } from './check.sql.js';
import { CheckRun, type Check, type Claimed } from './check-run.js';
import { TenantPauses } from './tenant-pauses.js';

const POLL_MS = 500;
/** Questions at the same time, and those of one tenant. */
const LANES = 32;
const LANES_PER_TENANT = 4;
const RECHECK_EVERY_MS = 60_000;
const RECHECK_AFTER_SECONDS = 15 * 60;

export class OktaChecks {
  private readonly lanes = new Set<{ readonly tenant: string; done: Promise<void> }>();
  private readonly pauses = new TenantPauses();
  private readonly reconnected = new Set<string>();
  /** Claims whose questions are under way. */
  private readonly asking = new Set<string>();
  private readonly lease: WorkerLease;
  private readonly loop: Loop;
  private stopped = false;
  private recheckedAt = -Infinity;

  constructor(
    private readonly platform: PlatformContext,
    private readonly orgs: OktaOrgs,
    private readonly checkRun: CheckRun,
    leaseSeconds: number,
  ) {
    const { database, logger } = platform;
    this.lease = new WorkerLease(database, logger, leaseSeconds, () => [...this.asking], releaseForgotten);
    this.loop = new Loop('okta-checks', POLL_MS, logger, () => this.round());
    orgs.onChange((tenant) => {
      this.pauses.end(tenant);
      this.reconnected.add(tenant);
      this.poke();
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.lease.start();
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    await this.loop.stop();
    await Promise.all([...this.lanes].map((lane) => lane.done));
    await this.lease.stop();
  }

  poke(): void {
    this.loop.wake();
  }

  /** A lane for each tenant with something due; one that finds work asks for another round, and so for another lane. */
  private async round(): Promise<boolean> {
    const { database } = this.platform;
    await this.orgs.refresh();
    await this.wakeReconnected();
    if (performance.now() - this.recheckedAt >= RECHECK_EVERY_MS) {
      this.recheckedAt = performance.now();
      await database.query(askAboutKeptOut, [RECHECK_AFTER_SECONDS]);
    }
    if (this.lanes.size >= LANES || !this.lease.fresh) return false;
    const skipped = [...this.busyTenants(), ...this.pauses.tenants()];
    const parameters = [skipped, this.lease.id, this.lease.seconds];
    const due = await database.query<{ tenant: string }>(dueTenants, parameters);
    for (const { tenant } of due.slice(0, LANES - this.lanes.size)) this.startLane(tenant);
    return false;
  }

  /** What waited for a wrong token or a wrong app need not wait any longer. */
  private async wakeReconnected(): Promise<void> {
    for (const tenant of this.reconnected) {
      await this.platform.database.query(wakeTenant, [tenant]);
      this.reconnected.delete(tenant);
    }
  }

  private busyTenants(): string[] {
    const lanes = [...this.lanes].map((lane) => lane.tenant);
    return lanes.filter((tenant) => lanes.filter((other) => other === tenant).length >= LANES_PER_TENANT);
  }

  private startLane(tenant: string): void {
    const lane = { tenant, done: Promise.resolve() };
    lane.done = this.drain(tenant).finally(() => {
      this.lanes.delete(lane);
      this.loop.wake();
    });
    this.lanes.add(lane);
  }

  /** Never rejects: what fails is logged and waits. */
  private async drain(tenant: string): Promise<void> {
    try {
      const org = await this.orgs.org(tenant);
      if (!org) await this.platform.database.query(forgetTenant, [tenant]);
      else while (this.mayGoOn(tenant) && (await this.askNext(tenant, org)));
    } catch (error) {
      this.failed(tenant, error);
    }
  }

  private mayGoOn(tenant: string): boolean {
    return !this.stopped && this.lease.fresh && !this.pauses.has(tenant);
  }

  /** False = nothing is due. */
  private async askNext(tenant: string, org: OktaOrg): Promise<boolean> {
    const claim = randomUUID();
    this.asking.add(claim);
    try {
      const parameters = [tenant, claim, this.lease.id, this.lease.seconds];
      const [row] = await this.platform.database.query<Claimed>(claimCheck, parameters);
      if (!row) return false;
      this.loop.wake();
      await this.askAbout({ tenant, claim, ...row }, org);
      return true;
    } finally {
      this.asking.delete(claim);
    }
  }

  private async askAbout(check: Check, org: OktaOrg): Promise<void> {
    try {
      await this.checkRun.ask(check, org);
      this.pauses.end(check.tenant);
    } catch (error) {
      await this.checkRun.postpone(check, this.failed(check.tenant, error), error);
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
