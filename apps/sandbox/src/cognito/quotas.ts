/**
 * Cognito's request quotas, as token buckets with AWS's rates. Each category has one bucket. Each user has one bucket
 * for reads and one for writes. Each pool has one bucket for each `UserPoolResource` operation.
 */
import { z } from 'zod';
import { AwsError } from '../aws/aws-error.js';
import type { CallSubject } from '../aws/aws-listener.js';
import { TokenBucket } from '../control/token-bucket.js';

export const DEFAULT_QUOTAS = {
  UserAuthentication: 120,
  UserAuthenticationResponse: 360,
  UserToken: 120,
  UserCreation: 50,
  UserRead: 120,
  UserUpdate: 25,
  UserAccountRecovery: 30,
  UserResourceRead: 50,
  UserResourceUpdate: 25,
  UserList: 30,
  UserPoolRead: 15,
  UserPoolUpdate: 15,
  UserPoolResourceRead: 20,
  UserPoolResourceUpdate: 15,
  UserPoolClientRead: 15,
  UserPoolClientUpdate: 15,
  PerUserRead: 10,
  PerUserWrite: 10,
  PerPoolOperation: 5,
} as const;
export type QuotaName = keyof typeof DEFAULT_QUOTAS;
export type Quotas = Readonly<Record<QuotaName, number>>;

const names = Object.keys(DEFAULT_QUOTAS) as [QuotaName, ...QuotaName[]];
export const quotaChange = z.partialRecord(z.enum(names), z.number().positive().max(1_000_000));

const OPERATIONS = {
  UserPoolRead: ['DescribeUserPool'],
  UserPoolUpdate: ['CreateUserPool'],
  UserPoolClientRead: ['DescribeUserPoolClient'],
  UserPoolClientUpdate: ['CreateUserPoolClient'],
  UserPoolResourceRead: ['GetGroup', 'ListGroups'],
  UserPoolResourceUpdate: ['CreateGroup', 'DeleteGroup'],
  UserAuthentication: ['AdminInitiateAuth', 'InitiateAuth'],
  UserAuthenticationResponse: ['AdminRespondToAuthChallenge'],
  UserToken: ['GetTokensFromRefreshToken', 'RevokeToken'],
  UserCreation: ['AdminCreateUser'],
  UserRead: ['GetUser', 'AdminGetUser'],
  UserUpdate: [
    'AdminUpdateUserAttributes',
    'UpdateUserAttributes',
    'AdminDeleteUserAttributes',
    'AdminDeleteUser',
    'AdminDisableUser',
    'AdminEnableUser',
  ],
  UserAccountRecovery: ['AdminSetUserPassword'],
  UserResourceRead: ['AdminListGroupsForUser'],
  UserResourceUpdate: ['AdminAddUserToGroup', 'AdminRemoveUserFromGroup'],
  UserList: ['ListUsers', 'ListUsersInGroup'],
} as const satisfies Partial<Record<QuotaName, readonly string[]>>;
const CATEGORY = Object.fromEntries(
  Object.entries(OPERATIONS).flatMap(([category, operations]) =>
    operations.map((name) => [name, category as QuotaName]),
  ),
);

const READS = new Set(['AdminGetUser', 'AdminListGroupsForUser']);
/** Above this number of buckets, full ones are removed. This loses nothing, because a new bucket is also full. */
const MANY_BUCKETS = 20_000;

export const tooManyRequests = (): AwsError => new AwsError('TooManyRequestsException', 'Rate exceeded');

/** AWS's public pages do not say in which of these categories a sign-out counts. */
export const SIGN_OUT_CATEGORIES = ['UserUpdate', 'UserToken'] as const satisfies QuotaName[];
export type SignOutCategory = (typeof SIGN_OUT_CATEGORIES)[number];

export class CognitoQuotas {
  private limits: Quotas;
  private readonly categories: Readonly<Record<string, QuotaName>>;
  private buckets = new Map<string, TokenBucket>();

  constructor(
    private readonly base: Quotas,
    signOuts: SignOutCategory,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.limits = base;
    this.categories = { ...CATEGORY, GlobalSignOut: signOuts, AdminUserGlobalSignOut: signOuts };
  }

  get current(): Quotas {
    return this.limits;
  }

  change(change: Partial<Quotas>): void {
    this.limits = { ...this.limits, ...change };
    this.buckets = new Map();
  }

  reset(): void {
    this.limits = this.base;
    this.buckets = new Map();
  }

  /** Counts a call in each of its buckets. Throws `TooManyRequestsException` if one of these buckets is empty. */
  admit(operation: string, subject: CallSubject): void {
    const category = this.categories[operation];
    if (!category) return;
    this.take(category, category);
    if (category.startsWith('UserPoolResource')) this.take('PerPoolOperation', `${subject.scope}:${operation}`);
    // The limits per user apply neither to sign-ins nor to calls that name no user.
    if (subject.subject === null || category.startsWith('UserAuthentication')) return;
    const access = READS.has(operation) ? 'PerUserRead' : 'PerUserWrite';
    this.take(access, `${subject.scope}:${subject.subject}:${access}`);
  }

  private take(quota: QuotaName, key: string): void {
    const now = this.now();
    let bucket = this.buckets.get(key);
    if (!bucket) {
      if (this.buckets.size > MANY_BUCKETS)
        for (const [k, b] of this.buckets) if (b.isFull(now)) this.buckets.delete(k);
      this.buckets.set(key, (bucket = new TokenBucket(this.limits[quota], now)));
    }
    if (!bucket.take(now)) throw tooManyRequests();
  }
}
