/** Starts comparisons, one per tenant at a time over all replicas, and says how they went. */
import { randomUUID } from 'node:crypto';
import { Problem, type PlatformContext } from '#platform';
import { settingsOf } from '#settings';
import type { OktaOrgs } from '../orgs.js';
import { CompareRun, failureOf } from './compare-run.js';
import { beginRun, endDeadRuns, endRun, latestRun, signOfLife } from './compare.sql.js';
import { nothingYet, type CompareProgress } from './drift.js';

export interface CompareView {
  readonly id: string;
  readonly cause: 'nightly' | 'request';
  readonly state: 'running' | 'done' | 'failed';
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly progress: CompareProgress;
  /** People that Okta was asked about one by one, and for how many of them something changed here. */
  readonly asked: number;
  readonly confirmed: number;
  readonly error: string | null;
  readonly errorCode: string | null;
}

/** Okta may let a page wait for its next rate-limit window; meanwhile the row has to look alive. */
const BEAT_MS = 5_000;

export class OktaCompare {
  private readonly running = new Set<Promise<void>>();
  private readonly stopping = new AbortController();

  constructor(
    private readonly platform: PlatformContext,
    private readonly orgs: OktaOrgs,
    private readonly queued: () => void,
  ) {}

  /** Starts a run in the background. `conflict` while one is running or if the tenant is not connected. */
  async start(
    tenant: string,
    cause: CompareView['cause'],
    force = false,
  ): Promise<{ run: string; done: Promise<void> }> {
    const { database } = this.platform;
    await this.refuseUnconnected(tenant);
    const id = randomUUID();
    const progress = nothingYet();
    await database.query(endDeadRuns);
    const begun = await database.query(beginRun, [id, tenant, cause, JSON.stringify(progress)]);
    if (begun.length === 0)
      throw new Problem('conflict', 'A comparison of this tenant is running already; ask for it with GET.');
    const done = this.run(id, tenant, force, progress).finally(() => this.running.delete(done));
    this.running.add(done);
    return { run: id, done };
  }

  async latest(tenant: string): Promise<CompareView | null> {
    const { database } = this.platform;
    await database.query(endDeadRuns);
    const [row] = await database.query<CompareView>(latestRun, [tenant]);
    return row ?? null;
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.running);
  }

  private async refuseUnconnected(tenant: string): Promise<void> {
    const copy = await settingsOf(this.platform.database, this.platform.database.schema, tenant);
    if (!copy) throw new Problem('not_found', 'There is no such tenant.');
    if (!copy.settings.okta)
      throw new Problem(
        'conflict',
        `The tenant ${copy.slug} is not connected to Okta. Connect it with "npm run tenant -- connect-okta ${copy.slug}".`,
      );
  }

  /** Never rejects; what fails stands in the row. */
  private async run(id: string, tenant: string, force: boolean, progress: CompareProgress): Promise<void> {
    const { database, logger } = this.platform;
    const beat = setInterval(
      () => void database.query(signOfLife, [id, JSON.stringify(progress)]).catch(() => undefined),
      BEAT_MS,
    );
    const end = (state: 'done' | 'failed', text: string | null, code: string | null) =>
      database.query(endRun, [id, state, JSON.stringify(progress), text, code]);
    try {
      const org = await this.orgs.org(tenant);
      if (!org) throw new Problem('conflict', 'The tenant is no longer connected to Okta.');
      await new CompareRun(database, { id, tenant, org, force, progress }, this.queued, this.stopping.signal).run();
      await end('done', null, null);
      logger.info({ tenant, run: id, oktaUsers: progress.oktaUsers, people: progress.people }, 'compared with Okta');
    } catch (error) {
      const { text, code } = failureOf(error);
      logger.error({ tenant, run: id, code, err: error }, 'the comparison with Okta failed');
      await end('failed', text, code).catch(() => undefined); // without it the row is taken for dead in a minute
    } finally {
      clearInterval(beat);
    }
  }
}
