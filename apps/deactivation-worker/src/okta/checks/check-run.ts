/** One question to Okta and what follows from the answer. */
import type { Counter } from 'prom-client';
import { OktaError } from '#okta';
import type { PlatformContext, Tx } from '#platform';
import type { OktaState } from '../../people/closing.js';
import type { Signals } from '../../people/signal.js';
import { causeOf, stateOf, type Observation } from '../okta-state.js';
import type { OktaOrg } from '../orgs.js';
import { askAgain, countForRun, deleteCheck, lockClaimed, peopleOfUser, postpone } from './check.sql.js';
import { failureCode, failureText } from './patience.js';

export interface Claimed {
  readonly user_id: string;
  readonly causation_id: string;
  readonly pushed_at: Date;
  readonly run: string | null;
  /** Before Okta is asked, on the database's clock: the answer is not older than this. */
  readonly claimed_at: Date;
}
export type Check = Claimed & { readonly tenant: string; readonly claim: string };

interface Kept {
  readonly id: string;
  readonly okta_state: OktaState | null;
}

/** Somebody whom nobody knows may be on his way: a hook can overtake the directory's event. */
const UNKNOWN_PATIENCE_MS = 10_000;

export class CheckRun {
  private readonly outcomes: Counter<'outcome'>;

  constructor(
    private readonly platform: PlatformContext,
    private readonly signals: Signals,
  ) {
    const { metrics } = platform;
    this.outcomes = metrics.counter('okta_checks_total', 'Questions to Okta about one person, by what came of it', [
      'outcome',
    ]);
  }

  /** Throws what kept Okta from answering; then the check is as it was. */
  async ask(check: Check, org: OktaOrg): Promise<void> {
    const people = await this.platform.database.query<Kept>(peopleOfUser, [check.tenant, check.user_id]);
    if (people.length === 0) return this.nobody(check);
    const seen = await observe(org, check, people);
    await this.platform.database.tx((tx) => this.conclude(tx, check, org, seen));
  }

  async postpone(check: Check, seconds: number, error: unknown): Promise<void> {
    this.outcomes.inc({ outcome: 'failed' });
    const { tenant, user_id, claim } = check;
    await this.platform.database
      .query(postpone, [tenant, user_id, claim, seconds, failureText(error), failureCode(error)])
      .catch((problem: unknown) =>
        this.platform.logger.warn(
          { tenant, code: 'not_recorded', reason: String(problem) },
          'its claim is given back with the next sign of life',
        ),
      );
  }

  /** Hooks are about everybody in the org, most of whom never had the app. */
  private async nobody(check: Check): Promise<void> {
    const { tenant, user_id, claim, pushed_at, claimed_at } = check;
    const { database } = this.platform;
    if (claimed_at.getTime() - pushed_at.getTime() < UNKNOWN_PATIENCE_MS) {
      await database.query(postpone, [tenant, user_id, claim, UNKNOWN_PATIENCE_MS / 1_000, null, null]);
      return;
    }
    this.outcomes.inc({ outcome: 'unknown_person' });
    await database.tx((tx) => this.finish(tx, check, false));
  }

  /** Nothing is concluded by who lost the claim: another process has asked since. */
  private async conclude(tx: Tx, check: Check, org: OktaOrg, seen: Observation | undefined): Promise<void> {
    const { tenant, user_id, claim } = check;
    if ((await tx.query(lockClaimed, [tenant, user_id, claim])).length === 0) return;
    let changed = false;
    let outcome = 'unclear';
    for (const person of await tx.query<Kept>(peopleOfUser, [tenant, user_id])) {
      const state = seen && stateOf(seen, person.okta_state, org.deactivateOnOffboard);
      if (state === undefined) continue;
      await this.tell(tx, check, person.id, state);
      changed ||= state !== person.okta_state;
      outcome = state ?? 'present';
    }
    await this.finish(tx, check, changed);
    tx.afterCommit(() => this.outcomes.inc({ outcome }));
  }

  private async tell(tx: Tx, check: Check, accountId: string, state: OktaState | null): Promise<void> {
    const { tenant, causation_id, pushed_at, claimed_at } = check;
    await this.signals.signal(tx, tenant, { accountId }, state, causeOf(state), causation_id, pushed_at, claimed_at);
  }

  private async finish(tx: Tx, { tenant, user_id, claim, run }: Check, changed: boolean): Promise<void> {
    if (run !== null) await tx.query(countForRun, [run, changed ? 1 : 0]);
    const done = await tx.query(deleteCheck, [tenant, user_id, claim]);
    if (done.length === 0) await tx.query(askAgain, [tenant, user_id, claim]);
  }
}

/**
 * `missing` comes from comparisons alone, and only the assignment itself ends it. For everybody else an unassignment is
 * SCIM's to tell: taken from here, it would keep people out whose assignment SCIM reported long ago. Undefined = an
 * external id that is none of Okta's: there is nobody to ask about.
 */
async function observe(org: OktaOrg, check: Check, people: readonly Kept[]): Promise<Observation | undefined> {
  try {
    const user = await org.prompt.user(check.user_id);
    const isAboutTheApp = check.run !== null || people.some((person) => person.okta_state === 'missing');
    if (user === null || !isAboutTheApp) return { user, assigned: null };
    return { user, assigned: (await org.prompt.appUser(org.appId, check.user_id)) !== null };
  } catch (error) {
    if (error instanceof OktaError && error.code === 'not_found' && error.status === null) return undefined;
    throw error;
  }
}
