/** Cognito's quotas, in requests per second. All user pools of an AWS account and Region share them. */
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
  // AWS allows 15 and 20 calls per second in the next two categories, but only 5 calls of the same operation in one
  // pool.
  UserPoolResourceUpdate: 5,
  UserPoolResourceRead: 5,
  UserAuthentication: 120,
  // The quota for answers to challenges is three times that of UserAuthentication.
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
  AdminDeleteUser: 'UserUpdate',
  AdminDisableUser: 'UserUpdate',
  AdminEnableUser: 'UserUpdate',
  AdminUserGlobalSignOut: 'UserUpdate', // the default; COGNITO_SIGN_OUT_CATEGORY can name another category
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
 * As far as we know, AWS does not document the category of AdminUserGlobalSignOut. The default is the category of
 * AdminDisableUser, so that sign-outs cannot use up the quota of AdminDisableUser unnoticed.
 */
export const signOutCategorySetting = choice(SIGN_OUT_CATEGORIES, {
  purpose: 'Quota category in which Cognito counts AdminUserGlobalSignOut. docs/user-pool.md explains how to find it.',
  example: 'UserToken',
  default: 'UserUpdate',
});

const categories = Object.keys(DEFAULT_QUOTAS) as [QuotaCategory, ...QuotaCategory[]];
const override = z.partialRecord(z.enum(categories), z.number().positive().max(100_000));

/** Parses JSON such as `{"UserUpdate":100}`, and takes all other quotas from the defaults. */
export const quotasSetting: Setting<Quotas> = {
  purpose: `Cognito quotas of this AWS account that differ from the defaults, in requests per second, as JSON. Categories: ${categories.join(', ')}.`,
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
  /** Tokens that the bucket gains per second. */
  readonly rate: number;
  /** Largest number of tokens in the bucket. */
  readonly capacity: number;
  /** Most tokens that are granted in any second. It equals the category's quota. */
  readonly perSecond: number;
  /**
   * Tokens that a call must leave in the bucket. A negative number lets the bucket go into debt by that many tokens.
   */
  readonly reserve: Readonly<Record<Urgency, number>>;
}

/** The urgencies, most urgent first. */
export const URGENCIES = ['offboarding', 'urgent', 'bulk'] as const;
export type Urgency = (typeof URGENCIES)[number];

const CAPACITY_SECONDS = 0.5;
/**
 * Fractions of the capacity that a call must leave in the bucket. Sign-outs share a quota with the calls that disable
 * users. Without a reserve, sign-outs would delay these calls. Calls for an offboarding may use the tokens of the next
 * half second in advance.
 */
const RESERVE = { offboarding: -1, urgent: 0.6, bulk: 0.7 } as const satisfies Record<Urgency, number>;

/** Every bucket can hold at least one token. Otherwise it could never grant one. */
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
