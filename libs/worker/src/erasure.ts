/**
 * Erases what a service stores about people who were deleted. Each service defines its own statements; this class runs
 * them for one tenant after another, so that a tenant with many deletions does not delay the others.
 */
import { integer, type Database, type Logger, type Metrics } from '#platform';
import { Loop } from './loop.js';

const POLL_MS = 30_000;
/** People per statement, so that no transaction is long. */
const BATCH = 200;

export const erasureSettings = {
  ERASE_AFTER_DAYS: integer({
    purpose:
      'Days after which the remaining traces of a deleted person are erased: names in offboarding evidence, and the Cognito user. Attributes that nothing needs are erased at once.',
    example: '90',
    default: 30,
    min: 1,
    max: 3_650,
  }),
};

/** One kind of data to erase. */
export interface Erasure {
  /** Value of the label `what` of the metric `erased_people_total`. */
  readonly what: string;
  /** Selects the column `tenant` of tenants with something to erase. */
  readonly tenants: string;
  /** Erases the data of at most `$2` people of tenant `$1`, and returns one row for each. */
  readonly erase: string;
}

export class Eraser {
  private readonly loop: Loop;
  private readonly erased;

  constructor(
    private readonly database: Database,
    private readonly erasures: readonly Erasure[],
    logger: Logger,
    metrics: Metrics,
    private readonly onErased: () => void = () => undefined,
  ) {
    this.loop = new Loop('erasure', POLL_MS, logger, () => this.round());
    this.erased = metrics.counter('erased_people_total', 'Deleted people whose data was erased', ['what']);
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  onModuleDestroy(): Promise<void> {
    return this.loop.stop();
  }

  /** Erases at most one batch of each tenant. Resolves with true if there may be more to erase. */
  async round(): Promise<boolean> {
    let more = false;
    for (const { what, tenants, erase } of this.erasures)
      for (const { tenant } of await this.database.query<{ tenant: string }>(tenants)) {
        const people = await this.database.query(erase, [tenant, BATCH]);
        if (people.length === 0) continue;
        this.erased.inc({ what }, people.length);
        this.onErased();
        more ||= people.length === BATCH;
      }
    return more;
  }
}
