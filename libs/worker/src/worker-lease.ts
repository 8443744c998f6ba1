/**
 * This process's sign of life. Leases on rows (`lease_owner`) are worth as much as it is fresh; no renewal per row is
 * needed. Needs the table of {@link workerTableSql} in the service's schema.
 */
import { randomUUID } from 'node:crypto';
import type { Database, Logger } from '#platform';

/** For a migration of the service. */
export const workerTableSql = (schema: string): string =>
  `create table if not exists ${schema}.worker (id uuid primary key, seen_at timestamptz not null default clock_timestamp())`;

const signOfLife = `insert into worker (id) values ($1) on conflict (id) do update set seen_at = clock_timestamp()`;
const forgetDeadWorkers = `delete from worker where seen_at < clock_timestamp() - interval '1 day'`;
/** Without its row the leases of a worker are void: the next one takes over at once. */
const signOff = `delete from worker where id = $1`;

export class WorkerLease {
  readonly id = randomUUID();
  private timer: NodeJS.Timeout | null = null;
  private seenAt = Number.NEGATIVE_INFINITY;
  private beating: Promise<void> = Promise.resolve();
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
    readonly seconds: number,
    /** Ids of the rows that this process is working on. */
    private readonly active: () => string[],
    /** Lets go of leases on rows that it no longer works on (a record that failed): `$1` owner, `$2` ids to keep. */
    private readonly releaseForgotten: string,
  ) {}

  async start(): Promise<void> {
    await this.database.query(forgetDeadWorkers);
    await this.beat();
    this.timer = setInterval(
      () => {
        this.beating = this.beat().catch((error: unknown) =>
          this.logger.warn({ code: 'lease_not_renewed', reason: String(error) }, 'could not renew the lease'),
        );
      },
      (this.seconds * 1000) / 5,
    );
  }

  async stop(): Promise<void> {
    if (this.timer) clearInterval(this.timer);
    await this.beating;
    await this.database.query(signOff, [this.id]).catch(() => undefined); // without it others wait for the lease to end
  }

  /** Whether others still respect our leases. Counted from before the last renewal was sent, on our own clock. */
  get fresh(): boolean {
    return performance.now() - this.seenAt < this.seconds * 500;
  }

  /**
   * Claims, and enters what was claimed among the active rows, while no beat lets go of what it does not find there:
   * a claim may have committed long before its answer is here.
   */
  claiming<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }

  private async beat(): Promise<void> {
    const startedAt = performance.now();
    await this.database.query(signOfLife, [this.id]);
    this.seenAt = startedAt;
    await this.claiming(() => this.database.query(this.releaseForgotten, [this.id, this.active()]));
  }
}
