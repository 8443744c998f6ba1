/** Reads one person from Okta and applies the result. */
import { Inject, Injectable } from '@nestjs/common';
import { OktaError } from '#okta';
import { Database, LOGGER, Metrics, type Logger, type Tx } from '#platform';
import { OktaSignals } from '../../access/okta-signals.js';
import type { PersonEntity } from '../../access/person.entity.js';
import { oktaCause, stateOf, type Observation } from '../okta-state.js';
import type { OktaOrg } from '../orgs.js';
import {
  checkAgain,
  countForRun,
  deleteCheck,
  lockClaimed,
  peopleOfUser,
  postpone,
  type Claimed,
} from './check.sql.js';
import { failureCode, failureText } from './pauses.js';

type KnownPerson = Pick<PersonEntity, 'id' | 'oktaState'>;

/**
 * An event hook can arrive before the directory's event about a new person. The check of an unknown person is postponed
 * for this long.
 */
const WAIT_FOR_UNKNOWN_MS = 10_000;

@Injectable()
export class OktaCheckRun {
  private readonly outcomes;

  constructor(
    private readonly database: Database,
    private readonly signals: OktaSignals,
    @Inject(LOGGER) private readonly logger: Logger,
    metrics: Metrics,
  ) {
    this.outcomes = metrics.counter('okta_checks_total', 'Checks of one person in Okta, by their result', ['outcome']);
  }

  /** If Okta does not answer, the promise rejects with the error, and the check stays unchanged. */
  async run(check: Claimed, org: OktaOrg): Promise<void> {
    const people = await this.database.query<KnownPerson>(peopleOfUser, [check.tenant, check.userId]);
    if (people.length === 0) return this.unknownPerson(check);
    const seen = await observe(org, check, people);
    await this.database.tx((tx) => this.conclude(tx, check, org, seen));
  }

  async postpone(check: Claimed, seconds: number, error: unknown): Promise<void> {
    this.outcomes.inc({ outcome: 'failed' });
    const { tenant } = check;
    await this.database
      .query(postpone, [...key(check), seconds, failureText(error), failureCode(error)])
      .catch((problem: unknown) =>
        this.logger.warn(
          { tenant, code: 'not_recorded', reason: String(problem) },
          'Could not record that a check in Okta failed. The check is repeated after the next renewal of the lease.',
        ),
      );
  }

  /**
   * Postpones the check of an unknown person once, then ends it. Event hooks report every user of the org, and most of
   * them were never assigned to the app.
   */
  private async unknownPerson(check: Claimed): Promise<void> {
    if (check.claimedAt.getTime() - check.pushedAt.getTime() < WAIT_FOR_UNKNOWN_MS) {
      await this.database.query(postpone, [...key(check), WAIT_FOR_UNKNOWN_MS / 1_000, null, null]);
      return;
    }
    this.outcomes.inc({ outcome: 'unknown_person' });
    await this.database.tx((tx) => this.finish(tx, check, false));
  }

  /** Applies the result of the check, unless another process has taken over the check. */
  private async conclude(tx: Tx, check: Claimed, org: OktaOrg, seen: Observation | undefined): Promise<void> {
    const { tenant, userId, causationId, pushedAt, claimedAt } = check;
    if ((await tx.query(lockClaimed, key(check))).length === 0) return;
    let changed = false;
    let outcome = 'unclear';
    for (const { id: accountId, oktaState } of await tx.query<KnownPerson>(peopleOfUser, [tenant, userId])) {
      const state = seen && stateOf(seen, oktaState, org.deactivateOnOffboard);
      if (state === undefined) continue;
      const cause = { type: oktaCause(state), causationId, pushedAt };
      await this.signals.signal(tx, tenant, { accountId }, state, cause, claimedAt);
      changed ||= state !== oktaState;
      outcome = state ?? 'present';
    }
    await this.finish(tx, check, changed);
    tx.afterCommit(() => this.outcomes.inc({ outcome }));
  }

  private async finish(tx: Tx, check: Claimed, changed: boolean): Promise<void> {
    if (check.run !== null) await tx.query(countForRun, [check.run, changed ? 1 : 0]);
    const done = await tx.query(deleteCheck, key(check));
    if (done.length === 0) await tx.query(checkAgain, key(check));
  }
}

const key = ({ tenant, userId, claim }: Claimed): unknown[] => [tenant, userId, claim];

/**
 * Reads the user from Okta. Returns undefined if the external id is not an Okta id.
 *
 * The assignment is read for hook events about our app and for comparisons, because Okta's SCIM push may have failed. It
 * is also read for people in the state `unassigned`, because only a new assignment ends that state.
 */
async function observe(org: OktaOrg, check: Claimed, people: readonly KnownPerson[]): Promise<Observation | undefined> {
  try {
    const user = await org.prompt.user(check.userId);
    const readsAssignment = check.assignment || people.some((person) => person.oktaState === 'unassigned');
    if (user === null || !readsAssignment) return { user, assigned: null };
    return { user, assigned: (await org.prompt.appUser(org.appId, check.userId)) !== null };
  } catch (error) {
    if (error instanceof OktaError && error.code === 'not_found' && error.status === null) return undefined;
    throw error;
  }
}
