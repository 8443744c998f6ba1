/**
 * Sends the heartbeat of this process. A lease on a row (`lease_owner`) is valid while its owner's last heartbeat is at
 * most `seconds` old. Rows thus need no renewal of their own.
 */
import { randomUUID } from 'node:crypto';
import type { Database, Logger } from '#platform';

/** Returns the SQL that creates the table of heartbeats, for a migration of the service. */
export const workerTableSql = (schema: string): string =>
  `create table if not exists ${schema}.worker (id uuid primary key, seen_at timestamptz not null default clock_timestamp())`;

/** SQL condition: the lease's owner has sent no heartbeat for `seconds`. Both parameters are SQL expressions. */
export const isLeaseVoid = (owner: string, seconds: string): string =>
  `not exists (select 1 from worker w where w.id = ${owner} and w.seen_at > clock_timestamp() - make_interval(secs => ${seconds}))`;

const heartbeat = `insert into worker (id) values ($1) on conflict (id) do update set seen_at = clock_timestamp()`;
const deleteDeadWorkers = `delete from worker where seen_at < clock_timestamp() - interval '1 day'`;
/** Deletes this process's heartbeat when it stops, so that other processes take over its rows at once. */
const deleteWorker = `delete from worker where id = $1`;

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
    /** SQL that ends the leases of the owner `$1`, except on the rows with the ids `$2`. */
    private readonly releaseForgotten: string,
  ) {}

  async start(): Promise<void> {
    await this.database.query(deleteDeadWorkers);
    await this.beat();
    this.timer = setInterval(
      () => {
        this.beating = this.beat().catch((error: unknown) =>
          this.logger.warn(
            { code: 'lease_not_renewed', reason: String(error) },
            'cannot renew the lease of this process; other processes take over its rows if this continues',
          ),
        );
      },
      (this.seconds * 1000) / 5,
    );
  }

  async stop(): Promise<void> {
    if (this.timer) clearInterval(this.timer);
    await this.beating;
    await this.database.query(deleteWorker, [this.id]).catch(() => undefined); // if this fails, other processes wait until the lease expires
  }

  /**
   * Whether other processes still respect our leases. Our own clock measures the age of the last heartbeat, from just
   * before it was sent.
   */
  get fresh(): boolean {
    return performance.now() - this.seenAt < this.seconds * 500;
  }

  /**
   * Runs a claim while no heartbeat ends leases. A claim may commit long before its response arrives. A heartbeat in
   * between would end the new leases, because the rows are not in `active` yet.
   */
  claiming<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => undefined);
    return result;
  }

  private async beat(): Promise<void> {
    const startedAt = performance.now();
    await this.database.query(heartbeat, [this.id]);
    this.seenAt = startedAt;
    await this.claiming(() => this.database.query(this.releaseForgotten, [this.id, this.active()]));
  }
}
