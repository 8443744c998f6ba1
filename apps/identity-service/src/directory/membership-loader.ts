/**
 * Reads the members of groups that a mapping names from scim-gateway, because events tell only who joined or left. The
 * loads are rows, so they continue after a crash. One round reads one page of one tenant.
 */
import { Inject, Injectable } from '@nestjs/common';
import { DirectoryClient } from '#contracts';
import { Database, inSpan, LOGGER, Metrics, NIL_UUID, sharedRead, type Logger } from '#platform';
import { Loop } from '#worker';
import { advanceLoad, claimLoad, failLoad, type Load, type LoadProgress } from './membership.sql.js';

const POLL_MS = 500;
const PAGE = 5_000;
/** After so many failures in a row, which take a few seconds, a person should know. */
const FAILURES_TO_REPORT = 5;

@Injectable()
export class MembershipLoader {
  private readonly loop: Loop;
  private readonly listeners: (() => void)[] = [];
  private lastTenant: string = NIL_UUID;

  constructor(
    private readonly database: Database,
    private readonly directory: DirectoryClient,
    metrics: Metrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.loop = new Loop('membership load', POLL_MS, logger, () => this.round());
    watchLoads(database, metrics);
  }

  onApplicationBootstrap(): void {
    this.loop.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.loop.stop();
  }

  /** Call it after a load was started. The loop also polls, so a missed call costs only milliseconds. */
  wake(): void {
    this.loop.wake();
  }

  /** Registers a listener that runs when all members of a group are stored. */
  onLoaded(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Reads one page. Resolves with true if there may be more to do at once. */
  async round(): Promise<boolean> {
    const load = await claimLoad(this.database, this.lastTenant);
    if (!load) return false;
    this.lastTenant = load.tenant;
    try {
      const progress = await inSpan('identity load members', { traceparent: load.traceparent }, () => this.next(load));
      if (progress === 'outdated') await failLoad(this.database, load, 'scim-gateway answered an earlier version');
      if (progress === 'complete') for (const listener of this.listeners) listener();
    } catch (error) {
      await this.failed(load, error);
    }
    return true;
  }

  private async next(load: Load): Promise<LoadProgress> {
    const { tenant, groupId, after, untilVersion } = load;
    const query = { limit: PAGE, ...(after !== null && { after }) };
    const page = untilVersion === null ? await this.directory.members(tenant, groupId, query) : null;
    return this.database.tx((tx) => advanceLoad(tx, load, page));
  }

  private async failed(load: Load, error: unknown): Promise<void> {
    await failLoad(this.database, load, error instanceof Error ? error.message : String(error));
    if (load.attempts % FAILURES_TO_REPORT !== FAILURES_TO_REPORT - 1) return;
    const { tenant, groupId, attempts } = load;
    this.logger.warn(
      { err: error, tenant, group: groupId, attempts: attempts + 1, code: 'members_unavailable' },
      'Cannot read the members of a group from scim-gateway. Until it can, the group grants no role to new members, and nobody loses a role that the group gives. Check scim-gateway and SCIM_GATEWAY_URL.',
    );
  }
}

function watchLoads(database: Database, metrics: Metrics): void {
  const read = sharedRead(async () => {
    const [row] = await database.query<{ groups: number; oldest: number }>(
      'select count(*)::int as groups, coalesce(extract(epoch from clock_timestamp() - min(requested_at)), 0)::float8 as oldest from membership_load',
    );
    groups.set(row?.groups ?? 0);
    oldest.set(row?.oldest ?? 0);
  });
  const groups = metrics.gauge(
    'identity_loading_groups',
    'Groups whose members are being read from scim-gateway',
    [],
    read,
  );
  const oldest = metrics.gauge(
    'identity_loading_oldest_seconds',
    'Time since the oldest load of members was requested',
    [],
    read,
  );
}
