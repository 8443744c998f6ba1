/**
 * Re-evaluates accounts when a group or the settings changed, or a person while the tenant's lock was taken. The change itself commits with its event; the work waits
 * in the table `reevaluation` and is done here in one transaction per tenant, alone on the tenant's lock. A crash
 * leaves the row, and doing it twice finds no difference the second time.
 */
import { inSpan, type Database, type Logger, type Tx } from '#platform';
import { Loop } from '#worker';
import { lockTenantAlone } from './evaluation.sql.js';
import type { Evaluator } from './evaluator.js';
import type { Cause } from './transition.js';

interface Request {
  id: string;
  /** Not null = this account alone. */
  user_id: string | null;
  group_id: string | null;
  cause: string;
  causation_id: string;
  traceparent: string | null;
}

/**
 * `for update`-free: the tenant's lock serialises. A request per group change; many changes are taken together. The ids
 * as an array: a join reads all requests for each of them (measured: 1 s for 500 of the 9,000 that a release made).
 */
const takeRequests = `
  delete from reevaluation where id = any(array(select id from reevaluation where tenant = $1 order by id limit 500))
  returning id, user_id, group_id, cause, causation_id, traceparent`;
/** The oldest tenant with work that did not fail just now. */
const nextTenant = 'select tenant from reevaluation where tenant <> all($1::uuid[]) order by id limit 1';
const membersOf = 'select distinct user_id as id from membership where tenant = $1 and group_id = $2';
const allAccounts = 'select id from account where tenant = $1';

const POLL_MS = 500;
const RETRY_MS = 2_000;

export class Reevaluator {
  private readonly loop: Loop;
  private readonly resting = new Map<string, number>();

  constructor(
    private readonly database: Database,
    private readonly evaluator: Evaluator,
    private readonly logger: Logger,
    /** Told after accounts changed, e.g. to wake the reconciler. */
    private readonly changed: () => void,
  ) {
    this.loop = new Loop('re-evaluation', POLL_MS, logger, () => this.round());
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.loop.stop();
  }

  poke(): void {
    this.loop.wake();
  }

  /** One tenant; true if there may be more to do at once. */
  async round(): Promise<boolean> {
    const now = Date.now();
    for (const [tenant, until] of this.resting) if (until <= now) this.resting.delete(tenant);
    const [next] = await this.database.query<{ tenant: string }>(nextTenant, [[...this.resting.keys()]]);
    if (!next) return false;
    try {
      const changed = await this.database.tx((tx) => this.reevaluate(tx, next.tenant));
      if (changed > 0) this.changed();
    } catch (error) {
      // Other tenants go on; this one is tried again soon.
      this.resting.set(next.tenant, Date.now() + RETRY_MS);
      this.logger.error(
        { err: error, tenant: next.tenant, code: 'reevaluation_failed' },
        're-evaluation failed; it will be repeated',
      );
    }
    return true;
  }

  private async reevaluate(tx: Tx, tenant: string): Promise<number> {
    await tx.query(lockTenantAlone, [tenant]);
    const requests = await tx.query<Request>(takeRequests, [tenant]);
    requests.sort((a, b) => Number(BigInt(a.id) - BigInt(b.id)));
    const last = requests.at(-1);
    if (!last) return 0;
    return inSpan(
      'identity re-evaluate',
      { traceparent: last.traceparent, attributes: { tenant, requests: requests.length } },
      async () => {
        const causes = new Map<string, Cause>();
        // In order, so that the latest change that concerns an account is named as its cause.
        for (const request of collapse(requests)) {
          const cause = { type: request.cause, groupId: request.group_id, causationId: request.causation_id };
          for (const { id } of await concerned(tx, tenant, request)) causes.set(id, cause);
        }
        const { changed } = await this.evaluator.evaluate(tx, tenant, causes, 'alone');
        this.logger.info(
          { tenant, accounts: causes.size, changed, cause: last.cause, causationId: last.causation_id },
          're-evaluated',
        );
        return changed;
      },
    );
  }
}

async function concerned(tx: Tx, tenant: string, request: Request): Promise<{ id: string }[]> {
  if (request.user_id !== null) return [{ id: request.user_id }];
  return request.group_id === null
    ? tx.query<{ id: string }>(allAccounts, [tenant])
    : tx.query<{ id: string }>(membersOf, [tenant, request.group_id]);
}

/** The last request of each person, of each group and of the tenant is enough. */
function collapse(requests: readonly Request[]): Request[] {
  const bySubject = new Map<string | null, Request>();
  for (const request of requests) {
    const subject = request.user_id ?? request.group_id;
    bySubject.delete(subject);
    bySubject.set(subject, request);
  }
  return [...bySubject.values()];
}
