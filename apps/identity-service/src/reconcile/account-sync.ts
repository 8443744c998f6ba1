/** Makes Cognito equal to one account: reads it back when its state is not known, then walks the plan. */
import { CognitoError, type ErrorClass, type FailureClass, type Urgency, type UserPool } from '#cognito';
import { afterStep, ABSENT, ownState, planSteps, type DesiredAccount, type PoolState, type Step } from './plan.js';

export class SyncFailure extends Error {
  constructor(
    readonly failureClass: FailureClass,
    message: string,
    /** What Cognito holds now; null = not known. */
    readonly actual: PoolState | null,
  ) {
    super(message);
    this.name = 'SyncFailure';
  }
}

export interface SyncDependencies {
  readonly pool: UserPool;
  knownRoles(): Promise<ReadonlySet<string>>;
  /** Makes the Cognito group of a role. */
  createGroup(account: DesiredAccount, role: string, urgency: Urgency): Promise<void>;
  /** False = somebody else may be working on the account by now: stop calling. */
  mayGoOn(): boolean;
}

/** Users that vanish or appear under our hands are planned anew, but not for ever. */
const MAX_PLANS = 4;

export class AccountSync {
  constructor(private readonly deps: SyncDependencies) {}

  /** `known` null = read it back first. Answers what Cognito holds afterwards; throws {@link SyncFailure}. */
  async run(account: DesiredAccount, known: PoolState | null, urgency: Urgency): Promise<PoolState> {
    let actual: PoolState | null = known;
    for (let plan = 1; plan <= MAX_PLANS; plan++) {
      try {
        actual ??= await this.read(account, urgency);
        for (const step of planSteps(account, actual)) {
          if (!this.deps.mayGoOn()) throw new SyncFailure('lease_lost', 'the lease ran out', actual);
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
    throw new SyncFailure('retry', 'the user appears and vanishes in Cognito while we work', null);
  }

  private async read(account: DesiredAccount, urgency: Urgency): Promise<PoolState> {
    const user = await this.deps.pool.getUser(account.id, urgency);
    if (!user) return ABSENT;
    refuseStranger(account, user.attributes);
    const groups = await this.deps.pool.listGroupsForUser(account.id, urgency);
    return ownState(user, groups, await this.deps.knownRoles());
  }

  /** UsernameExists: our own creation whose answer was lost, or a stranger under the same name. */
  private async adopt(account: DesiredAccount, urgency: Urgency): Promise<PoolState> {
    try {
      return await this.read(account, urgency);
    } catch (error) {
      throw asFailure(error, null);
    }
  }

  private async perform(account: DesiredAccount, step: Step, urgency: Urgency): Promise<void> {
    const { pool } = this.deps;
    switch (step.do) {
      case 'create':
        return pool.createUser(account.id, step.attributes, urgency);
      case 'confirm':
        return pool.setRandomPassword(account.id, urgency);
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
      await this.deps.pool.addToGroup(account.id, role, urgency);
    } catch (error) {
      if (!(error instanceof CognitoError) || error.errorClass !== 'missing_group') throw error;
      await this.deps.createGroup(account, role, urgency);
      await this.deps.pool.addToGroup(account.id, role, urgency);
    }
  }
}

/**
 * A user whom we did not create and who carries another tenant is not ours: an alarm, never an overwrite (P4). On one
 * that was ours the attributes are repaired, whoever changed them.
 */
function refuseStranger(account: DesiredAccount, attributes: Readonly<Record<string, string>>): void {
  if (account.provisioned) return;
  const tenant = attributes['custom:tenant_id'];
  const own = tenant ? tenant === account.tenant : (attributes['custom:external_id'] ?? null) === account.externalId;
  if (own) return;
  const whose = tenant ? `belongs to tenant ${tenant}` : 'belongs to no tenant and has another external id';
  throw new SyncFailure(
    'conflict',
    `Cognito has a user with the name ${account.id} that ${whose}. Look at it in the pool; delete it there if it is a leftover, then retry.`,
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

/** Refusals were not carried out, so what we know stays true; of everything else nobody knows. */
function asFailure(error: unknown, actual: PoolState | null): SyncFailure {
  if (error instanceof SyncFailure) return error;
  if (!(error instanceof CognitoError))
    return new SyncFailure('retry', `our own failure: ${error instanceof Error ? error.message : String(error)}`, null);
  const refused = error.errorClass !== 'retry';
  return new SyncFailure(error.errorClass, error.message, refused ? actual : null);
}
