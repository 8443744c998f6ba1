/**
 * Bugs in statements and orders of calls on which the promises of the product depend, each with the test that must
 * notice it. `find` must occur once in the file. It is short, so that other changes of the file rarely touch it.
 */
export interface PlantedBug {
  /** The wrong behaviour, in one clause. */
  readonly bug: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly spec: string;
  /** Pattern of the test's name. */
  readonly test: string;
}

const GATE = 'libs/event-bus/src/consumer/gate.sql.ts';
const LOG = 'libs/event-bus/src/carriers/postgres/log.sql.ts';
const PARKING = 'libs/event-bus/src/consumer/parking.sql.ts';
const USERS = 'apps/scim-gateway/src/resources/users/users.sql.ts';
const GROUPS = 'apps/scim-gateway/src/resources/groups/groups.sql.ts';
const PEOPLE = 'apps/deactivation-worker/src/access/person.sql.ts';
const SIGN_OUT = 'apps/deactivation-worker/src/access/sign-out.sql.ts';
const ADMISSION = 'apps/deactivation-worker/src/cases/admission.sql.ts';
const ACCESS = 'apps/deactivation-worker/src/cognito/access-queue.sql.ts';
const ACCOUNTS = 'apps/identity-service/src/cognito/queue.sql.ts';
const EVALUATION = 'apps/identity-service/src/accounts/evaluation.sql.ts';
const LOSSES = 'apps/identity-service/src/brake/losses.sql.ts';

export const PLANTED_BUGS: readonly PlantedBug[] = [
  // The order and the effect of events.
  {
    bug: 'the gate moves back to an older event that arrives alone',
    file: GATE,
    find: 'where i.sequence < excluded.sequence',
    replace: 'where i.sequence <> excluded.sequence',
    spec: 'test/contract/postgres',
    test: 'older version that arrives alone',
  },
  {
    bug: 'the gate lets a repeated event pass',
    file: GATE,
    find: 'event.sequence <= before',
    replace: 'event.sequence < before',
    spec: 'test/contract/postgres',
    test: 'effect of an event once, however often',
  },
  {
    bug: 'the gate forgets that a key is parked',
    file: GATE,
    find: 'and p.key = i.key',
    replace: "and p.key = i.key || ' '",
    spec: 'test/contract/postgres',
    test: 'parks only the key of a failing event',
  },
  {
    bug: 'a batch is read again after it was consumed',
    file: LOG,
    find: 'and position > leased.reached',
    replace: 'and position >= leased.reached',
    spec: 'test/contract/postgres',
    test: 'resumes after a restart',
  },
  {
    bug: 'parked events are handled in the order of their keys, not of their sequence',
    file: PARKING,
    find: 'and key = $3 order by sequence, id',
    replace: 'and key = $3 order by sequence desc, id',
    spec: 'test/contract/postgres',
    test: 'parks only the key of a failing event',
  },

  // The directory: one account per person, no tenant touches another.
  {
    bug: 'a deleted user holds their name',
    file: USERS,
    find: 'u.deleted_at is null and (u.user_name_key',
    replace: '(u.user_name_key',
    spec: 'test/gateway/users',
    test: 'ignores deleted users that had the same name',
  },
  {
    bug: "another tenant's user holds a name",
    file: USERS,
    find: 'where u.tenant_id = $1 and u.deleted_at is null and (',
    replace: 'where $1::uuid is not null and u.deleted_at is null and (',
    spec: 'test/gateway/tenants',
    test: 'each rename their own user',
  },
  {
    bug: 'a deleted user can be read',
    file: USERS,
    find: 'u.id = $2 and u.deleted_at is null',
    replace: 'u.id = $2',
    spec: 'test/gateway/users',
    test: 'frees its name and is announced',
  },
  {
    bug: "a user's groups include those of other users",
    file: USERS,
    find: 'where m.tenant_id = u.tenant_id and m.user_id = u.id',
    replace: 'where m.tenant_id = u.tenant_id',
    spec: 'test/gateway/groups',
    test: 'users show their groups',
  },
  {
    bug: 'a change overwrites a change of another request',
    file: USERS,
    find: 'where tenant_id = $1 and id = $2 and version = $3 and deleted_at is null returning 1\n      ), published as (${outbox.insertSql(13',
    replace:
      'where tenant_id = $1 and id = $2 and deleted_at is null and $3::bigint > 0 returning 1\n      ), published as (${outbox.insertSql(13',
    spec: 'test/gateway/concurrency',
    test: 'change different attributes of one user',
  },
  {
    bug: 'a list of users contains those of other tenants',
    file: USERS,
    find: "where: 'u.tenant_id = $1 and u.deleted_at is null'",
    replace: "where: '(u.tenant_id = $1 or true) and u.deleted_at is null'",
    spec: 'test/gateway/tenants',
    test: 'can have the same names as each other',
  },
  {
    bug: 'a list of users contains deleted ones',
    file: USERS,
    find: "where: 'u.tenant_id = $1 and u.deleted_at is null'",
    replace: "where: 'u.tenant_id = $1'",
    spec: 'test/gateway/users',
    test: 'frees its name and is announced',
  },
  {
    bug: "a list of groups contains another tenant's",
    file: GROUPS,
    find: "where: 'g.tenant_id = $1'",
    replace: "where: '(g.tenant_id = $1 or true)'",
    spec: 'test/gateway/tenants',
    test: 'can have the same names as each other',
  },
  {
    bug: 'a group of another tenant can be locked and changed',
    file: GROUPS,
    find: 'where g.tenant_id = $1 and g.id = $2 for update',
    replace: 'where $1::uuid is not null and g.id = $2 for update',
    spec: 'test/gateway/tenants',
    test: "cannot use another tenant's ids",
  },

  // Offboarding: who is out stays out, and every old token is refused.
  {
    bug: 'an older event of the directory changes a person',
    file: PEOPLE,
    find: 'p.directory_version < excluded.directory_version',
    replace: 'p.directory_version <> excluded.directory_version',
    spec: 'test/offboarding/lifecycle',
    test: 'ignores repeated and reordered events',
  },
  {
    bug: 'a deleted person gets access again',
    file: PEOPLE,
    find: 'and p.tenant = excluded.tenant and not p.deleted',
    replace: 'and p.tenant = excluded.tenant',
    spec: 'test/offboarding/lifecycle',
    test: 'by a removal whatever the setting, finally',
  },
  {
    bug: "an event of another tenant changes a person's access",
    file: PEOPLE,
    find: 'and p.tenant = excluded.tenant and not p.deleted',
    replace: 'and not p.deleted',
    spec: 'test/offboarding/lifecycle',
    test: "refuses another tenant's event",
  },
  {
    bug: 'an older signal of Okta replaces a newer one',
    file: PEOPLE,
    find: '(okta_state_at is null or okta_state_at < $5)',
    replace: '(okta_state_at is null or okta_state_at <> $5)',
    spec: 'test/offboarding/signals',
    test: 'older or a repetition',
  },
  {
    bug: 'a deactivation moves the fence back',
    file: ADMISSION,
    find: 'greatest(p.not_before, at.now)',
    replace: 'at.now',
    spec: 'test/offboarding/lifecycle',
    test: 'never moves the fence back',
  },
  {
    bug: 'a deactivation signs nobody out',
    file: ADMISSION,
    find: 'sign_out_due = true, access_version',
    replace: 'access_version',
    spec: 'test/offboarding/no-revival/statements',
    test: 'decide as the model does',
  },
  {
    bug: 'the brake counts the losses of other tenants',
    file: ADMISSION,
    find: 'where f.tenant = $1 and f.counts',
    replace: 'where f.counts',
    spec: 'test/offboarding/brake',
    test: 'within one tenant only',
  },
  {
    bug: 'the fence after a sign-out is taken from our clock',
    file: ACCESS,
    find: "greatest(p.not_before, date_trunc('second', coalesce($5::timestamptz, clock_timestamp()))",
    replace: "greatest(p.not_before, date_trunc('second', coalesce(nullif($5::timestamptz, $5), clock_timestamp()))",
    spec: 'test/offboarding/clock',
    test: 'sign-out of somebody who never lost access',
  },
  {
    bug: 'the fence after a reactivation is taken from our clock',
    file: ACCESS,
    find: "not_before = date_trunc('second', coalesce($5::timestamptz, clock_timestamp()))",
    replace: "not_before = date_trunc('second', coalesce(nullif($5::timestamptz, $5), clock_timestamp()))",
    spec: 'test/offboarding/clock',
    test: 'token from before the offboarding',
  },
  {
    bug: 'a sign-out that was requested during another one is forgotten',
    file: ACCESS,
    find: '(p.sign_out_due and not ($4 and p.revision = $5))',
    replace: '(p.sign_out_due and not $4 and $5::bigint is not null)',
    spec: 'test/offboarding/no-revival/statements',
    test: 'decide as the model does',
  },
  {
    bug: 'the state of a user is trusted although a late call may change it',
    file: ACCESS,
    find: 'case when due.lease_owner is not null or p.late_calls_until <= clock_timestamp() then null else p.actual_access end',
    replace: 'p.actual_access',
    spec: 'test/offboarding/trouble',
    test: 'although a late call',
  },
  {
    bug: 'a sign-out moves no fence at once',
    file: SIGN_OUT,
    find: 'greatest(p.not_before, clock_timestamp())',
    replace: 'p.not_before',
    spec: 'test/offboarding/sign-out',
    test: 'fences at once',
  },

  // Accounts and roles.
  {
    bug: 'a role counts as removed before Cognito removed it',
    file: 'apps/identity-service/src/cognito/account-sync.ts',
    find: 'await this.perform(account, step, urgency);\n          actual = afterStep(actual, step);',
    replace: 'actual = afterStep(actual, step);\n          await this.perform(account, step, urgency);',
    spec: 'test/identity/reconciler',
    test: 'repeats the removal of a role',
  },
  {
    bug: 'the result of a call is trusted although the state became unknown during it',
    file: ACCOUNTS,
    find: 'set applied = case when unknown_revision > $4 then null else $3::jsonb end, applied_revision',
    replace: 'set applied = $3::jsonb, applied_revision',
    spec: 'test/identity/reconciler',
    test: 'reads Cognito back after its calls',
  },
  {
    bug: 'a result is recorded without the lease',
    file: ACCOUNTS,
    find: 'from account where id = $1 and lease_owner = $2 for update',
    replace: 'from account where id = $1 and $2::uuid is not null for update',
    spec: 'test/identity/reconciler',
    test: 'after another process took the account over',
  },
  {
    bug: 'a group of another tenant gives a role',
    file: EVALUATION,
    find: 'select group_id, user_id from membership where tenant = $1 and user_id',
    replace: 'select group_id, user_id from membership where user_id',
    spec: 'test/identity/settings',
    test: 'another tenant that has a group of the same name',
  },
  {
    bug: 'a deleted group gives a role',
    file: EVALUATION,
    find: "where not deleted and (members <> 'complete'",
    replace: "where (members <> 'complete'",
    spec: 'test/identity/settings',
    test: 'after its deletion',
  },
  {
    bug: 'a mapping of another tenant gives a role',
    file: EVALUATION,
    find: 'on n.tenant = m.tenant and n.name_key = m.group_key',
    replace: 'on n.name_key = m.group_key',
    spec: 'test/identity/settings',
    test: 'another tenant that has a group of the same name',
  },
  {
    bug: 'the brake counts the roles that end with the access',
    file: LOSSES,
    find: "and g.revoked_cause <> '${ACCESS_CLOSED}'",
    replace: '',
    spec: 'test/identity/role-brake.spec',
    test: 'neither counts closings',
  },
  {
    bug: 'the brake counts losses of other tenants',
    file: LOSSES,
    find: 'where g.tenant = $1 and g.revoked_at',
    replace: 'where $1::uuid is not null and g.revoked_at',
    spec: 'test/identity/role-brake.spec',
    test: 'for each tenant separately',
  },
  {
    bug: 'an administrator releases the losses of another tenant',
    file: LOSSES,
    find: 'where tenant = $1 and released_at is null and ($3',
    replace: 'where $1::uuid is not null and released_at is null and ($3',
    spec: 'test/identity/role-brake.spec',
    test: 'for each tenant separately',
  },

  // Tokens and settings.
  {
    bug: 'the hash of a SCIM token is compared by its first bytes',
    file: 'libs/secrets/src/verifier.ts',
    find: "timingSafeEqual(Buffer.from(hash, 'hex'), digest)",
    replace: "timingSafeEqual(Buffer.from(hash, 'hex').subarray(0, 8), digest.subarray(0, 8))",
    spec: 'libs/secrets/src/verifier',
    test: 'any one byte',
  },
  {
    bug: 'older settings replace newer ones',
    file: 'libs/settings/src/copy.sql.ts',
    find: 'where t.version < excluded.version',
    replace: 'where t.version <> excluded.version',
    spec: 'libs/settings/src/copy',
    test: '.',
  },
];
