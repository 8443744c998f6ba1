/**
 * Cognito's request quotas per category (requests per second, per account and Region, all pools together) and the
 * category of each operation that we call. COGNITO_QUOTAS overrides AWS's defaults per deployment.
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
  // The categories have 15 and 20, but each of their operations is limited to 5 per second and pool.
  UserPoolResourceUpdate: 5,
  UserPoolResourceRead: 5,
  UserAuthentication: 120,
  // Answers to challenges have a quota of their own, three times that of UserAuthentication.
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
 * AWS does not document, as far as we know, in which category AdminUserGlobalSignOut counts. By default it counts with
 * the disables, which is slow but safe: if the other choice were wrong, disables would be throttled.
 */
export const signOutCategorySetting = choice(SIGN_OUT_CATEGORIES, {
  purpose: 'Quota category in which Cognito counts AdminUserGlobalSignOut; docs/user-pool.md says how to find out.',
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
  /** Tokens that a full bucket holds, for a burst after a pause. */
  readonly capacity: number;
  /** The quota itself: the most tokens that are granted in any second, however full the bucket is. */
  readonly perSecond: number;
  /** Tokens that must stay in the bucket for more urgent calls; negative = the bucket may go into debt that far. */
  readonly reserve: Readonly<Record<Urgency, number>>;
}

/** Most urgent first. */
export const URGENCIES = ['offboarding', 'urgent', 'bulk'] as const;
export type Urgency = (typeof URGENCIES)[number];

const CAPACITY_SECONDS = 0.5;
/**
 * Parts of the capacity. Sign-outs and disables share a quota. Without a reserve, sign-outs would keep the bucket empty,
 * and disables, which come in bursts, would wait although the quota is enough for all of them. Calls for an offboarding
 * may use the tokens of the next half second in advance; all other calls then wait until the bucket is out of debt.
 */
const RESERVE = { offboarding: -1, urgent: 0.6, bulk: 0.7 } as const satisfies Record<Urgency, number>;

/** Every bucket holds at least one token; it could never grant one otherwise. */
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
