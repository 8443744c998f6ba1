/**
 * Cognito's request quotas per category (requests per second, per account and Region, all pools together) and the
 * category of each operation that we call. Defaults of AWS; raised or lowered per deployment by COGNITO_QUOTAS.
 */
import { z } from 'zod';
import { choice, type Setting } from '#platform';

export const DEFAULT_QUOTAS = {
  UserCreation: 50,
  UserRead: 120,
  UserUpdate: 25,
  UserAccountRecovery: 30,
  UserResourceRead: 50,
  UserResourceUpdate: 25,
  UserList: 30,
  // UserPoolResourceUpdate is 15 and ...Read 20, but each operation has 5 per second and pool: the tighter one counts.
  UserPoolResourceUpdate: 5,
  UserPoolResourceRead: 5,
  UserAuthentication: 120,
  // Answers to challenges have an allowance of their own, three times that of UserAuthentication.
  UserAuthenticationResponse: 360,
  UserToken: 120,
} as const;
export type QuotaCategory = keyof typeof DEFAULT_QUOTAS;
export type Quotas = Readonly<Record<QuotaCategory, number>>;

export const CATEGORY_OF = {
  AdminCreateUser: 'UserCreation',
  AdminSetUserPassword: 'UserAccountRecovery',
  AdminGetUser: 'UserRead',
  AdminUpdateUserAttributes: 'UserUpdate',
  AdminDisableUser: 'UserUpdate',
  AdminEnableUser: 'UserUpdate',
  AdminUserGlobalSignOut: 'UserUpdate', // unless COGNITO_SIGN_OUT_CATEGORY says otherwise
  AdminAddUserToGroup: 'UserResourceUpdate',
  AdminRemoveUserFromGroup: 'UserResourceUpdate',
  AdminListGroupsForUser: 'UserResourceRead',
  ListUsers: 'UserList',
  ListUsersInGroup: 'UserList',
  CreateGroup: 'UserPoolResourceUpdate',
  AdminInitiateAuth: 'UserAuthentication',
  AdminRespondToAuthChallenge: 'UserAuthenticationResponse',
  GetTokensFromRefreshToken: 'UserToken',
  RevokeToken: 'UserToken',
} as const satisfies Record<string, QuotaCategory>;
export type Operation = keyof typeof CATEGORY_OF;

const SIGN_OUT_CATEGORIES = ['UserUpdate', 'UserToken'] as const satisfies QuotaCategory[];
export type SignOutCategory = (typeof SIGN_OUT_CATEGORIES)[number];

/**
 * AWS names the categories in public and not, as far as we know, where AdminUserGlobalSignOut belongs. By default it is
 * counted with the disables, which is slow and safe: with the other, disables would be throttled should it be wrong.
 */
export const signOutCategorySetting = choice(SIGN_OUT_CATEGORIES, {
  purpose: 'Quota category in which Cognito counts AdminUserGlobalSignOut; docs/user-pool.md tells how to find out.',
  example: 'UserToken',
  default: 'UserUpdate',
});

const categories = Object.keys(DEFAULT_QUOTAS) as [QuotaCategory, ...QuotaCategory[]];
const override = z.partialRecord(z.enum(categories), z.number().positive().max(100_000));

/** `{"UserUpdate":100}` in the environment -> the quotas in force. */
export const quotasSetting: Setting<Quotas> = {
  purpose: `Cognito quotas of this AWS account in requests per second where they differ from the defaults, as JSON; categories: ${categories.join(', ')}.`,
  example: '{"UserCreation":100}',
  schema: z
    .string()
    .prefault('{}')
    .transform((value, context) => {
      try {
        return JSON.parse(value) as unknown;
      } catch {
        context.addIssue({ code: 'custom', message: 'must be a JSON object' });
        return z.NEVER;
      }
    })
    .pipe(override)
    .transform((given): Quotas => ({ ...DEFAULT_QUOTAS, ...given })),
};

export interface BucketShape {
  /** Tokens per second. */
  readonly rate: number;
  /** Tokens that a full bucket holds: what may go at once after a pause. */
  readonly capacity: number;
  /** Tokens that go in any second, whatever the bucket holds: the quota itself. */
  readonly perSecond: number;
  /** Tokens that a taker leaves in the bucket for those who are in more of a hurry; negative: what he may owe it. */
  readonly reserve: Readonly<Record<Urgency, number>>;
}

/** In the order in which they are served. */
export const URGENCIES = ['offboarding', 'urgent', 'bulk'] as const;
export type Urgency = (typeof URGENCIES)[number];

const CAPACITY_SECONDS = 0.5;
/**
 * Parts of the capacity. Sign-outs take whatever disables leave of the same quota: without a reserve they would keep
 * the bucket empty, and disables, which come in bunches, would stand in line although there are tokens for all of them.
 * Whoever is offboarded goes ahead on what comes in the next half second, and everybody else waits until that is paid.
 */
const RESERVE = { offboarding: -1, urgent: 0.6, bulk: 0.7 } as const satisfies Record<Urgency, number>;

/** At least one token goes at once, or nothing would ever flow. */
export function bucketShape(quota: number, share: number): BucketShape {
  const rate = quota * share;
  const capacity = Math.max(1, rate * CAPACITY_SECONDS);
  const leaves = (urgency: Urgency): number => Math.min(capacity * RESERVE[urgency], capacity - 1);
  return {
    rate,
    capacity,
    perSecond: Math.max(1, Math.floor(quota)),
    reserve: { offboarding: leaves('offboarding'), urgent: leaves('urgent'), bulk: leaves('bulk') },
  };
}
