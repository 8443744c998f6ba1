/** The models of an evaluation: the known facts about one account, and the cause. */
import { shortType } from '#event-bus';
import type { Brake, EventEnvelope, OffboardingCase } from '#events';
import type { HeldBecause } from '#contracts';
import type { Profile } from '../directory/profile.entity.js';
import type { AccountEntity, AccountStatus } from './account.entity.js';

/** The change of a person, a group or the settings behind an evaluation; recorded with every grant. */
export interface Cause {
  /** Event type without prefix and version, e.g. `user.joined-group`, `settings.changed`. */
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

/** Cause of revocations that follow from a closing by deactivation-worker; its case says why. */
export const ACCESS_CLOSED = 'access.closed';

/** The last event of deactivation-worker about the account. */
export interface AccessState {
  readonly status: AccountStatus;
  /** Id of the closing, or of the change that undid it. */
  readonly causationId: string;
}

/**
 * The case behind a closing. Both carry the same causation id, which says that they belong together. The newest events of
 * `identity.access` and `offboarding.cases` may not, because the two topics overtake each other.
 */
export interface KnownCase {
  readonly sequence: number;
  readonly details: OffboardingCase;
}

/** A loss of roles that the brake holds, or held until it was released. */
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
  /** Null = deactivation-worker has published nothing yet. */
  readonly access: AccessState | null;
  /** The case behind the closing, if its event has arrived. */
  readonly closing: KnownCase | null;
  /** Roles by the mappings in force, strongest first, each with the groups that give it. */
  readonly derived: readonly { readonly role: string; readonly groups: readonly string[] }[];
  readonly held: HeldLoss | null;
  readonly rules: {
    readonly groupSync: boolean;
    /** Version of the settings. */
    readonly version: number | null;
    /** All roles of the tenant, strongest first. */
    readonly roles: readonly string[];
    readonly brake: Brake | null;
  };
}
