/** The inputs of an evaluation: what is stored about one account, and the cause of the evaluation. */
import { shortType } from '#event-bus';
import type { EventEnvelope, OffboardingCase } from '#events';
import type { BrakeInForce } from '#settings';
import type { HeldBecause } from '#contracts';
import type { Profile } from '../directory/profile.entity.js';
import type { AccountEntity, AccountStatus } from './account.entity.js';

/** The change of a person, a group or the settings that led to an evaluation. Every grant and revocation records it. */
export interface Cause {
  /** Event type without prefix and version, e.g. `group.members-changed`, `settings.changed`. */
  readonly type: string;
  readonly groupId: string | null;
  /** Id of the SCIM request, or `settings:<version>`. */
  readonly causationId: string;
}

export const causeOf = (event: EventEnvelope, groupId: string | null = null): Cause => ({
  type: shortType(event),
  groupId,
  causationId: event.causationid,
});

/** The cause of revocations after deactivation-worker ended access. The case contains the reason. */
export const ACCESS_CLOSED = 'access.closed';

/** The access of an account, as the last event of deactivation-worker describes it. */
export interface AccessState {
  readonly status: AccountStatus;
  /** Causation id of the change that ended or restored access. */
  readonly causationId: string;
}

/**
 * The case with the causation id of the ended access. The newest case may be another one, because events of
 * `identity.access` and `offboarding.cases` can overtake each other.
 */
export interface KnownCase {
  readonly sequence: number;
  readonly details: OffboardingCase;
}

/** A loss of roles that the brake holds, or that was released and is not applied yet. */
export interface HeldLoss {
  readonly wouldLose: readonly string[];
  readonly because: HeldBecause;
  readonly cause: Cause;
  readonly released: boolean;
}

export interface Subject {
  readonly id: string;
  readonly tenant: string;
  readonly current: Readonly<
    Profile &
      Pick<
        AccountEntity,
        'status' | 'assignedRoles' | 'roles' | 'version' | 'priority' | 'announcedStatus' | 'announcedCase'
      >
  > & { readonly provisioned: boolean; readonly dirty: boolean };
  readonly directory: Readonly<Profile> & { readonly active: boolean; readonly deleted: boolean };
  /** The published access; null means that deactivation-worker has published nothing about the account yet. */
  readonly access: AccessState | null;
  /** The case of the ended access, if its event has arrived. */
  readonly offboarding: KnownCase | null;
  /** The roles that the current mappings give, strongest first, each with the groups that give it. */
  readonly derived: readonly { readonly role: string; readonly groups: readonly string[] }[];
  readonly held: HeldLoss | null;
  readonly rules: {
    readonly groupSync: boolean;
    readonly version: number | null;
    /** All roles of the tenant, strongest first. */
    readonly roles: readonly string[];
    readonly brake: BrakeInForce | null;
  };
}
