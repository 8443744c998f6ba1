/**
 * Makes the Cognito user equal to one account. Reads the user if the state is unknown, then makes the planned calls.
 */
import { Injectable } from '@nestjs/common';
import { CognitoError, UserPool, type ErrorClass, type FailureClass, type Urgency } from '#cognito';
import type { PoolState } from '../accounts/account.entity.js';
import { afterStep, ABSENT, ownState, planSteps, type DesiredAccount, type Step } from './plan.js';
import { RoleGroups } from './role-groups.js';

export class SyncFailure extends Error {
  constructor(
    readonly failureClass: FailureClass,
    message: string,
    /** The state in Cognito after the failure; null means unknown. */
    readonly actual: PoolState | null,
  ) {
    super(message);
    this.name = 'SyncFailure';
  }
}

/** Limit of plans for one account. A user that appears or vanishes during the calls requires a new plan. */
const MAX_PLANS = 4;

@Injectable()
export class AccountSync {
  constructor(
    private readonly pool: UserPool,
    private readonly groups: RoleGroups,
  ) {}

  /**
   * Resolves with the resulting state in Cognito. If `known` is null, reads the user first. Makes no further call after
   * `holdsLease` returns false, because another process may then work on the account. Throws {@link SyncFailure}.
   */
  async run(
    account: DesiredAccount,
    known: PoolState | null,
    urgency: Urgency,
    holdsLease: () => boolean,
  ): Promise<PoolState> {
    let actual: PoolState | null = known;
    for (let plan = 1; plan <= MAX_PLANS; plan++) {
      try {
        actual ??= await this.read(account, urgency);
        for (const step of planSteps(account, actual)) {
          if (!holdsLease()) throw new SyncFailure('lease_lost', 'the lease expired', actual);
          await this.perform(account, step, urgency);
          actual = afterStep(actual, step);
        }
        return actual;
      } catch (error) {
        const failure = asFailure(error, actual);
        if (failure.failureClass === 'missing_user') actual = ABSENT;
        else if (failure.failureClass === 'exists') actual = await this.adopt(account, urgency);
        else throw failure;
      }
    }
    throw new SyncFailure('retry', 'the user appeared and vanished in Cognito during the calls', null);
  }

  private async read(account: DesiredAccount, urgency: Urgency): Promise<PoolState> {
    const user = await this.pool.getUser(account.id, urgency);
    if (!user) return ABSENT;
    refuseForeignUser(account, user.attributes);
    const groups = await this.pool.listGroupsForUser(account.id, urgency);
    return ownState(user, groups, await this.groups.known());
  }

  /** Handles UsernameExists: the user is ours and an earlier response was lost, or the user is not ours. */
  private async adopt(account: DesiredAccount, urgency: Urgency): Promise<PoolState> {
    try {
      return await this.read(account, urgency);
    } catch (error) {
      throw asFailure(error, null);
    }
  }

  private async perform(account: DesiredAccount, step: Step, urgency: Urgency): Promise<void> {
    const { pool } = this;
    switch (step.do) {
      case 'create':
        return pool.createUser(account.id, step.attributes, urgency);
      case 'confirm':
        return pool.setRandomPassword(account.id, urgency);
      case 'delete':
        return pool.deleteUser(account.id, urgency);
      case 'update':
        return pool.updateAttributes(account.id, step.attributes, urgency);
      case 'leave':
        return ignoring('missing_group', () => pool.removeFromGroup(account.id, step.group, urgency));
      case 'join':
        return this.join(account, step.group, urgency);
    }
  }

  private async join(account: DesiredAccount, role: string, urgency: Urgency): Promise<void> {
    try {
      await this.pool.addToGroup(account.id, role, urgency);
    } catch (error) {
      if (!(error instanceof CognitoError) || error.errorClass !== 'missing_group') throw error;
      await this.groups.create(account.tenant, role, urgency);
      await this.pool.addToGroup(account.id, role, urgency);
    }
  }
}

/**
 * Throws a conflict if the Cognito user is not ours: it has another tenant id, or it has no tenant id and another
 * external id. Such a user is never overwritten. A provisioned account always passes, because its user is ours.
 */
function refuseForeignUser(account: DesiredAccount, attributes: Readonly<Record<string, string>>): void {
  if (account.provisioned) return;
  const tenant = attributes['custom:tenant_id'];
  const own = tenant ? tenant === account.tenant : (attributes['custom:external_id'] ?? null) === account.externalId;
  if (own) return;
  const whose = tenant ? `belongs to tenant ${tenant}` : 'belongs to no tenant and has another external id';
  throw new SyncFailure(
    'conflict',
    `Cognito has a user with the name ${account.id} that ${whose}. Look at this user in the pool. If nobody needs this user, delete it there, then retry the account.`,
    null,
  );
}

async function ignoring(errorClass: ErrorClass, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof CognitoError) || error.errorClass !== errorClass) throw error;
  }
}

/**
 * Converts an error of a call. Cognito changes nothing when it refuses a call, so the known state stays valid. After
 * any other error the state is unknown.
 */
function asFailure(error: unknown, actual: PoolState | null): SyncFailure {
  if (error instanceof SyncFailure) return error;
  if (!(error instanceof CognitoError))
    return new SyncFailure('retry', `internal error: ${error instanceof Error ? error.message : String(error)}`, null);
  const refused = error.errorClass !== 'retry';
  return new SyncFailure(error.errorClass, error.message, refused ? actual : null);
}
