/**
 * Admits or holds cases. Only this class counts losses of access, under the lock of the tenant's brake. Admission
 * disables the desired access and publishes the fence on `identity.access` in one transaction. If this process crashes
 * afterwards, another process completes the case.
 */
import { Inject, Injectable } from '@nestjs/common';
import { HoldTimer, holdMinutes, lockBrake, TIMER } from '#brake';
import { Outbox } from '#event-bus';
import type { Access, TenantSettings } from '#events';
import { Database, LOGGER, Metrics, type Logger, type Tx } from '#platform';
import { brakeOf, DEFAULT_BRAKE, defaultSettings, settingsOf, type BrakeInForce } from '#settings';
import { Loop } from '#worker';
import { accessEvent } from '../access/access-event.js';
import type { PersonEntity } from '../access/person.entity.js';
import { OffboardingWake } from '../wake.js';
import {
  admitCases,
  countActive,
  countAdmins,
  holdCases,
  releaseCases,
  takeNewCases,
  tenantsWithNewCases,
} from './admission.sql.js';
import { applyBrake, isAdmin, type Candidate, type Decisions, type TenantCount } from './brake.js';
import { caseEvent, type CaseRow } from './case-event.js';
import { stepSeconds, watchCases } from './case-metrics.js';

const POLL_MS = 50;
const TIMER_MS = 1_000;
/** Cases per transaction. A transaction takes about 100 ms, and consumers of events about these people wait for it. */
const BATCH = 500;

@Injectable()
export class Admission {
  private readonly loop: Loop;
  private readonly timer: HoldTimer;
  private readonly heldTotal;
  private readonly seconds;

  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly wake: OffboardingWake,
    @Inject(LOGGER) private readonly logger: Logger,
    metrics: Metrics,
  ) {
    this.loop = new Loop('admission', POLL_MS, logger, () => this.round());
    this.timer = new HoldTimer({
      database,
      logger,
      name: 'brake timer',
      pollMs: TIMER_MS,
      table: 'offboarding_case',
      id: 'id',
      isHeld: `state = 'held'`,
      release: (tenant, ids) => this.release(tenant, ids, TIMER),
      log: {
        code: 'brake_timeout',
        text: 'Nobody decided about the held offboardings in time, so they were released. These people now lose access.',
      },
    });
    this.heldTotal = metrics.counter('offboarding_held_total', 'Cases that the brake held', ['reason']);
    this.seconds = stepSeconds(metrics);
    watchCases(database, metrics);
    wake.on('admit', () => this.loop.wake());
  }

  onApplicationBootstrap(): void {
    this.loop.start();
    this.timer.start();
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([this.loop.stop(), this.timer.stop()]);
  }

  /** Releases these held cases of the tenant, or all of them if `ids` is null. Resolves with their number. */
  async release(tenant: string, ids: readonly string[] | null, by: string): Promise<number> {
    return this.database.tx(async (tx) => {
      const rows = await tx.query<CaseRow>(releaseCases, [tenant, ids, by]);
      await this.outbox.add(
        tx,
        rows.map((row) => caseEvent('released', row)),
      );
      tx.afterCommit(() => this.wake.emit('admit'));
      return rows.length;
    });
  }

  /** Admits one batch per tenant, so that one tenant with thousands of losses does not delay the others. */
  private async round(): Promise<boolean> {
    let more = false;
    for (const { tenant } of await this.database.query<{ tenant: string }>(tenantsWithNewCases)) {
      const taken = await this.database.tx((tx) => this.admit(tx, tenant));
      more ||= taken === BATCH;
    }
    return more;
  }

  private async admit(tx: Tx, tenant: string): Promise<number> {
    await lockBrake(tx, tenant);
    const rules = (await settingsOf(tx, this.database.schema, tenant))?.settings ?? defaultSettings();
    const window = (brakeOf(rules) ?? DEFAULT_BRAKE).windowMinutes;
    const candidates = await tx.query<Candidate & { lost: number }>(takeNewCases, [tenant, BATCH, window]);
    if (candidates.length === 0) return 0;
    const count = await this.count(tx, tenant, candidates, rules);
    await this.write(tx, tenant, applyBrake(brakeOf(rules), candidates, count), brakeOf(rules));
    return candidates.length;
  }

  private async count(
    tx: Tx,
    tenant: string,
    candidates: readonly (Candidate & { lost: number })[],
    rules: Pick<TenantSettings, 'brake' | 'roles'>,
  ): Promise<TenantCount> {
    const brake = brakeOf(rules);
    const lost = candidates[0]?.lost ?? 0;
    const strongestRole = rules.roles[0];
    const count = async (sql: string, values: unknown[]) => (await tx.query<{ n: number }>(sql, values))[0]?.n ?? 0;
    const mayHold = brake !== null && lost + candidates.length > brake.atLeast;
    const affectsAdmins = brake !== null && candidates.some((candidate) => isAdmin(candidate, strongestRole));
    return {
      lost,
      strongestRole,
      active: mayHold ? await count(countActive, [tenant]) : 0,
      admins: affectsAdmins ? await count(countAdmins, [tenant, strongestRole]) : 0,
    };
  }

  private async write(
    tx: Tx,
    tenant: string,
    { admitted, held }: Decisions,
    brake: BrakeInForce | null,
  ): Promise<void> {
    if (admitted.length > 0) {
      const rows = await tx.query<AdmittedRow>(admitCases, [admitted.map((a) => a.id), admitted.map((a) => a.counts)]);
      await this.outbox.add(
        tx,
        rows.flatMap((row) => [accessEvent({ ...row, id: row.accountId }, true), caseEvent('opened', row)]),
      );
      tx.afterCommit(() => {
        this.wake.emit('run');
        for (const { seconds } of rows) this.seconds.observe({ step: 'fenced' }, seconds);
      });
    }
    if (held.length === 0) return;
    const columns = [held.map((h) => h.id), held.map((h) => h.because), held.map((h) => holdMinutes(h.because, brake))];
    const rows = await tx.query<FencedCase>(holdCases, [...columns, tenant]);
    await this.outbox.add(
      tx,
      rows.flatMap((row) => [accessEvent({ ...row, id: row.accountId }), caseEvent('held', row)]),
    );
    tx.afterCommit(() => {
      this.wake.emit('run');
      this.wake.emit('held');
      this.reportHeld(rows);
    });
  }

  private reportHeld(rows: readonly CaseRow[]): void {
    for (const { heldBecause } of rows) this.heldTotal.inc({ reason: heldBecause ?? 'threshold' });
    this.logger.warn(
      { tenant: rows[0]?.tenant, code: 'brake_held', cases: rows.length, reason: rows[0]?.heldBecause },
      'The brake holds offboardings. The sessions and tokens of these people ended, but people whom Okta lets in can sign in again until an administrator releases their cases or the hold ends.',
    );
  }
}

type FencedCase = CaseRow &
  Pick<PersonEntity, 'accessVersion' | 'publishedRoles' | 'notBefore'> & { readonly publishedStatus: Access['status'] };
type AdmittedRow = FencedCase & { readonly seconds: number };
