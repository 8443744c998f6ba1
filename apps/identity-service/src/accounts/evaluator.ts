/** Evaluates accounts: derives their state from directory, access and settings, and writes it. */
import { Injectable } from '@nestjs/common';
import { tryLockBrake } from '#brake';
import { Outbox } from '#event-bus';
import type { Tx } from '#platform';
import { LossBrake } from '../brake/loss-brake.js';
import { classify, isPending, type LossDecision, type PendingLoss } from '../brake/losses.js';
import { applyTransitions, hasBacklog, lockSubjects } from './evaluation.sql.js';
import type { Cause } from './subject.js';
import { transition } from './transition.js';

/** Accounts per statement. One transaction may contain many statements. */
const CHUNK = 1_000;
/**
 * If a tenant has at least this many accounts to change, the changes are bulk. The reconciler then does single changes
 * first.
 */
const BULK = 50;

export interface Evaluated {
  readonly changed: number;
  /** True if losses of roles were not written, because another transaction is deciding about losses of the tenant. */
  readonly deferred: boolean;
}

/** How the caller holds the tenant's lock. With a shared lock, losses of roles also need the brake's lock. */
export type TenantLock = 'exclusive' | 'shared';

@Injectable()
export class Evaluator {
  constructor(
    private readonly outbox: Outbox,
    private readonly brake: LossBrake,
  ) {}

  /**
   * The caller holds the tenant's lock. Gains of roles are written before losses, so that a new administrator counts
   * before the old one loses the role.
   */
  async evaluate(tx: Tx, tenant: string, causes: ReadonlyMap<string, Cause>, lock: TenantLock): Promise<Evaluated> {
    const ids = [...causes.keys()].sort();
    const many = ids.length >= BULK;
    const pending: PendingLoss[] = [];
    let changed = 0;
    for (const chunk of chunks(ids)) {
      const subjects = await lockSubjects(tx, tenant, chunk);
      const classified = subjects.map((subject) => classify(subject, causeIn(causes, subject.id)));
      pending.push(...classified.filter(isPending));
      const decided = classified.filter((one): one is LossDecision => !isPending(one));
      changed += await this.write(tx, tenant, decided, many);
    }
    if (pending.length > 0 && lock === 'shared' && !(await tryLockBrake(tx, tenant)))
      return { changed, deferred: true };
    for (const chunk of chunks(pending))
      changed += await this.write(tx, tenant, await this.brake.decide(tx, tenant, chunk), many);
    return { changed, deferred: false };
  }

  private async write(tx: Tx, tenant: string, decisions: readonly LossDecision[], many: boolean): Promise<number> {
    await this.brake.record(tx, tenant, decisions);
    // An import creates each account by its own event. If many accounts wait for Cognito, such creations are bulk.
    const creates = decisions.some(({ subject: { current } }) => !current.provisioned && !current.dirty);
    const burst = creates && !many && (await hasBacklog(tx, tenant, BULK));
    const changes = decisions.flatMap(({ subject, cause, kept }) => {
      const next = transition(subject, cause, many || (burst && !subject.current.provisioned), kept);
      return next ? [{ subject, next }] : [];
    });
    if (changes.length === 0) return 0;
    await applyTransitions(tx, changes);
    await this.outbox.add(
      tx,
      changes.flatMap(({ next }) => next.events),
    );
    return changes.length;
  }
}

function causeIn(causes: ReadonlyMap<string, Cause>, id: string): Cause {
  const cause = causes.get(id);
  if (!cause) throw new Error(`the evaluation of account ${id} was not requested`);
  return cause;
}

function chunks<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / CHUNK) }, (_, i) => all.slice(i * CHUNK, (i + 1) * CHUNK));
}
