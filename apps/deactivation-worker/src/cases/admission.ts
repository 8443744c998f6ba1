/**
 * Lets closings through, or holds them: the one place that counts. Letting one through closes the door, in one
 * transaction with the fence on `identity.access`: whatever crashes afterwards, the runner finishes it.
 */
import type { Outbox } from '#event-bus';
import type { Access, TenantSettings } from '#events';
import { type Database, type Logger, type Metrics, type Tx } from '#platform';
import { Loop } from '#worker';
import { brakeOf, DEFAULT_BRAKE, defaultSettings } from '#settings';
import { accessEvent } from '../people/access-event.js';
import type { Wake } from '../wake.js';
import {
  admitCases,
  countAdmins,
  countOpen,
  heldTooLong,
  holdCases,
  lockTenant,
  releaseCases,
  takeNewCases,
  tenantsWithNewCases,
} from './admission.sql.js';
import { applyBrake, isAdmin, type Candidate, type Standing, type Verdicts } from './brake.js';
import { caseEvent, type CaseRow } from './case-event.js';
import { doorSeconds, watchCases } from './case-metrics.js';

export interface AdmissionOptions {
  readonly database: Database;
  readonly outbox: Outbox;
  readonly wake: Wake;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

const POLL_MS = 50;
const TIMER_MS = 1_000;
/** Cases per transaction: some 100 ms, in which handlers of these people wait. */
const BATCH = 500;

type Rules = Pick<TenantSettings, 'brake' | 'roles'>;

export class Admission {
  private readonly loop: Loop;
  private readonly timer: Loop;
  private readonly heldTotal;
  private readonly seconds;

  constructor(private readonly options: AdmissionOptions) {
    const { database, logger, metrics } = options;
    this.loop = new Loop('admission', POLL_MS, logger, () => this.round());
    this.timer = new Loop('brake timer', TIMER_MS, logger, () => this.releaseOverdue());
    this.heldTotal = metrics.counter('offboarding_held_total', 'Closings that the brake held', ['reason']);
    this.seconds = doorSeconds(metrics);
    watchCases(database, metrics);
  }

  onApplicationBootstrap(): void {
    this.loop.start();
    this.timer.start();
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.loop.stop(), this.timer.stop()]);
  }

  poke(): void {
    this.loop.wake();
  }

  /** Lets held cases of a tenant through, those named or all; answers how many. `by`: who said so. */
  async release(tenant: string, ids: readonly string[] | null, by: string): Promise<number> {
    const { database, outbox, wake } = this.options;
    return database.tx(async (tx) => {
      const rows = await tx.query<CaseRow>(releaseCases, [tenant, ids, by]);
      await outbox.add(
        tx,
        rows.map((row) => caseEvent('released', row)),
      );
      tx.afterCommit(() => wake.admit());
      return rows.length;
    });
  }

  /** One batch of each tenant, so that a tenant that loses thousands does not keep the others waiting. */
  private async round(): Promise<boolean> {
    const { database } = this.options;
    let more = false;
    for (const { tenant } of await database.query<{ tenant: string }>(tenantsWithNewCases)) {
      const taken = await database.tx((tx) => this.admit(tx, tenant));
      more ||= taken === BATCH;
    }
    return more;
  }

  private async admit(tx: Tx, tenant: string): Promise<number> {
    const [locked] = await tx.query<{ settings: Rules | null }>(lockTenant, [tenant]);
    const rules = locked?.settings ?? defaultSettings();
    const window = (brakeOf(rules) ?? DEFAULT_BRAKE).windowMinutes;
    const candidates = await tx.query<Candidate & { lost: number }>(takeNewCases, [tenant, BATCH, window]);
    if (candidates.length === 0) return 0;
    const standing = await this.standing(tx, tenant, candidates, rules);
    await this.write(tx, applyBrake(brakeOf(rules), candidates, standing));
    return candidates.length;
  }

  private async standing(
    tx: Tx,
    tenant: string,
    candidates: readonly (Candidate & { lost: number })[],
    rules: Rules,
  ): Promise<Standing> {
    const brake = brakeOf(rules);
    const lost = candidates[0]?.lost ?? 0;
    const strongestRole = rules.roles[0];
    const count = async (sql: string, values: unknown[]) => (await tx.query<{ n: number }>(sql, values))[0]?.n ?? 0;
    const mayTrip = brake !== null && lost + candidates.length > brake.atLeast;
    const hitsAdmins = brake !== null && candidates.some((candidate) => isAdmin(candidate, strongestRole));
    return {
      lost,
      strongestRole,
      active: mayTrip ? await count(countOpen, [tenant]) : 0,
      admins: hitsAdmins ? await count(countAdmins, [tenant, strongestRole]) : 0,
    };
  }

  private async write(tx: Tx, { admitted, held }: Verdicts): Promise<void> {
    const { outbox, wake } = this.options;
    if (admitted.length > 0) {
      const rows = await tx.query<AdmittedRow>(admitCases, [admitted.map((a) => a.id), admitted.map((a) => a.counts)]);
      await outbox.add(tx, rows.flatMap(admittedEvents));
      tx.afterCommit(() => {
        wake.run();
        for (const { seconds } of rows) this.seconds.observe({ door: 'fence' }, seconds);
      });
    }
    if (held.length === 0) return;
    const rows = await tx.query<CaseRow>(holdCases, [held.map((h) => h.id), held.map((h) => h.because)]);
    await outbox.add(
      tx,
      rows.map((row) => caseEvent('held', row)),
    );
    tx.afterCommit(() => this.announceHeld(rows));
  }

  private announceHeld(rows: readonly CaseRow[]): void {
    for (const { held_because } of rows) this.heldTotal.inc({ reason: held_because ?? 'threshold' });
    this.options.logger.warn(
      { tenant: rows[0]?.tenant, code: 'brake_held', cases: rows.length, reason: rows[0]?.held_because },
      'the brake holds offboardings; these people keep access until somebody releases them ("npm run offboarding -- held")',
    );
  }

  /** A brake must not become a way to keep access. */
  private async releaseOverdue(): Promise<boolean> {
    const { database, logger } = this.options;
    const overdue = await database.query<{ tenant: string; cases: string[] }>(heldTooLong, [DEFAULT_BRAKE.holdHours]);
    for (const { tenant, cases } of overdue) {
      const released = await this.release(tenant, cases, 'timer');
      logger.warn(
        { tenant, code: 'brake_timeout', cases: released },
        'nobody decided about held offboardings in time; they are released and go ahead',
      );
    }
    return false;
  }
}

type AdmittedRow = CaseRow & {
  readonly access_version: string;
  readonly published_status: Access['status'];
  readonly not_before: Date;
  readonly seconds: number;
};

const admittedEvents = (row: AdmittedRow) => [
  accessEvent({
    id: row.account_id,
    tenant: row.tenant,
    status: row.published_status,
    roles: [],
    notBefore: row.not_before,
    sequence: Number(row.access_version),
    causationId: row.causation_id,
    traceparent: row.traceparent,
  }),
  caseEvent('opened', row),
];
