/** Starts comparisons and reports on them. At most one comparison per tenant runs at a time, over all replicas. */
import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import type { OktaComparison, OktaComparisonCause, OktaComparisonProgress } from '#contracts';
import { Database, LOGGER, Problem, type Logger } from '#platform';
import { settingsOf } from '#settings';
import { OktaChecks } from '../checks/checks.js';
import { OktaOrgs } from '../orgs.js';
import { ComparisonRun, failureOf } from './comparison-run.js';
import { beginRun, endDeadRuns, endRun, latestRun, renewRun } from './comparison.sql.js';
import { noProgress } from './drift.js';

/**
 * Interval of heartbeats. A page of Okta's list may wait for the next rate limit window, and the comparison must not
 * count as dead meanwhile.
 */
const RENEW_MS = 5_000;

@Injectable()
export class OktaComparisons {
  private readonly running = new Set<Promise<void>>();
  private readonly stopping = new AbortController();

  constructor(
    private readonly database: Database,
    private readonly orgs: OktaOrgs,
    private readonly checks: OktaChecks,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Starts a comparison in the background. Rejects if one is running, or if the tenant is not connected to Okta. */
  async start(
    tenant: string,
    cause: OktaComparisonCause,
    force = false,
  ): Promise<{ run: string; done: Promise<void> }> {
    await this.refuseUnconnected(tenant);
    const id = randomUUID();
    const progress = noProgress();
    await this.database.query(endDeadRuns);
    const begun = await this.database.query(beginRun, [id, tenant, cause, JSON.stringify(progress)]);
    if (begun.length === 0)
      throw new Problem('comparison_running', 'A comparison of this tenant is running already.', undefined, { tenant });
    const done = this.run(id, tenant, force, progress).finally(() => this.running.delete(done));
    this.running.add(done);
    return { run: id, done };
  }

  async latest(tenant: string): Promise<OktaComparison | null> {
    await this.database.query(endDeadRuns);
    const [row] = await this.database.query<OktaComparison>(latestRun, [tenant]);
    return row ?? null;
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.running);
  }

  private async refuseUnconnected(tenant: string): Promise<void> {
    const copy = await settingsOf(this.database, this.database.schema, tenant);
    if (!copy) throw new Problem('not_found', 'There is no such tenant.', undefined, { tenant });
    if (copy.settings.okta) return;
    const { slug } = copy;
    throw new Problem('okta_not_connected', `The tenant ${slug} is not connected to Okta.`, undefined, { slug });
  }

  /** Never rejects: a failure is written to the row of the comparison. */
  private async run(id: string, tenant: string, force: boolean, progress: OktaComparisonProgress): Promise<void> {
    const renewal = setInterval(
      () => void this.database.query(renewRun, [id, JSON.stringify(progress)]).catch(() => undefined),
      RENEW_MS,
    );
    const end = (state: 'done' | 'failed', text: string | null, code: string | null) =>
      this.database.query(endRun, [id, state, JSON.stringify(progress), text, code]);
    try {
      const org = await this.orgs.org(tenant);
      if (!org) throw new Problem('okta_not_connected', 'The tenant is no longer connected to Okta.');
      const task = { id, tenant, org, force, progress };
      await new ComparisonRun(this.database, task, () => this.checks.wake(), this.stopping.signal).run();
      await end('done', null, null);
      const { oktaUsers, people } = progress;
      this.logger.info({ tenant, run: id, oktaUsers, people }, 'Compared a tenant with its Okta app.');
    } catch (error) {
      const { text, code } = failureOf(error);
      this.logger.error(
        { tenant, run: id, code, err: error },
        'A comparison with Okta failed. The comparison itself changed no access. Correct what the error says and compare again.',
      );
      await end('failed', text, code).catch(() => undefined); // if this fails, the comparison counts as dead after a minute
    } finally {
      clearInterval(renewal);
    }
  }
}
