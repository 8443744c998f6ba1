/**
 * Cognito's request quotas per category (requests per second, per account and Region, all pools together) and the
 * category of each operation that we call. Defaults of AWS; raised or lowered per deployment by COGNITO_QUOTAS.
 */
import { z } from 'zod';
import type { Setting } from '#platform';

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
  AdminUserGlobalSignOut: 'UserUpdate',
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
  /** Tokens that a full bucket holds. */
  readonly capacity: number;
  /** Tokens that bulk work leaves for urgent work. */
  readonly reserve: number;
}

const BULK_RESERVE = 0.2;

/**
 * A bucket that never lets more than the quota through in any second: within one second at most a full bucket plus
 * one second's refill leaves it, so capacity + rate <= quota (and at least one token, or nothing would ever flow).
 */
export function bucketShape(quota: number, share: number): BucketShape {
  const rate = quota * share;
  const capacity = Math.max(1, quota - rate);
  return { rate, capacity, reserve: Math.min(capacity * BULK_RESERVE, capacity - 1) };
}
