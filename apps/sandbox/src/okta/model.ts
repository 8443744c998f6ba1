import { z } from 'zod';
import { LOWER_CASE, randomText } from '../text.js';

export const modes = ['aiw', 'oin'] as const;
/**
 * `aiw` is a customer's own app (App Integration Wizard), which uses only GET, POST and PUT. `oin` is an app of Okta's
 * catalog (Okta Integration Network), which also uses PATCH.
 */
export type Mode = (typeof modes)[number];

export interface OktaApp {
  readonly slug: string;
  /** Id of the app in the Management API (`0oa...`). */
  readonly appId: string;
  readonly scimBaseUrl: string;
  readonly token: string;
  readonly mode: Mode;
  /** `header` sends the token without "Bearer", as a catalog app does if its setting is "Header". */
  readonly authStyle: 'bearer' | 'header';
  readonly importGroups: boolean;
  /** The setting "Deactivate Users" of the app. Without it, Okta sends nothing when a person is unassigned. */
  readonly deactivateUsers: boolean;
}

export const profile = z.object({
  firstName: z.string().min(1).optional(),
  lastName: z.string().min(1).optional(),
  email: z.string().min(1).optional(),
  displayName: z.string().min(1).optional(),
  title: z.string().min(1).optional(),
  department: z.string().min(1).optional(),
  locale: z.string().min(1).optional(),
});
export type Profile = z.output<typeof profile>;

export type PersonStatus = 'STAGED' | 'ACTIVE' | 'SUSPENDED' | 'DEPROVISIONED';

export interface Person {
  /** Id of the person in Okta (`00u...`), which Okta sends as `externalId`. */
  readonly id: string;
  readonly login: string;
  readonly profile: Profile;
  readonly status: PersonStatus;
  readonly assigned: boolean;
  /** Id of the user on the SCIM server. It is kept after the person is unassigned. */
  readonly remoteId: string | null;
}

export const displayName = ({ login, profile }: Pick<Person, 'login' | 'profile'>): string =>
  profile.displayName ?? ([profile.firstName, profile.lastName].filter(Boolean).join(' ') || login);

export interface Member {
  readonly login: string;
  readonly remoteId: string;
}

export interface Group {
  readonly id: string;
  readonly name: string;
  readonly push: { readonly remoteId: string | null; readonly status: 'ACTIVE' | 'ERROR' } | null;
}

/** Okta's ids have 20 characters. Prefixes: `00u` users, `00g` groups, `0oa` apps, `who` event hooks, `oae` errors. */
export const oktaId = (prefix: '00u' | '00g' | '0oa' | 'who' | 'oae'): string => prefix + randomText(17);

/** The id of a tenant's org (`00o...`), derived from the tenant's app. Each tenant has its own org. */
export const orgIdOf = (appId: string): string => `00o${appId.slice(3)}`;

/** Okta sends a random password for each new user, even if passwords are not synchronised. */
export const randomPassword = (): string => randomText(8, LOWER_CASE);
