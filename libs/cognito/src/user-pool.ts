import {
  type $Command,
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminDeleteUserCommand,
  AdminDisableUserCommand,
  AdminEnableUserCommand,
  AdminGetUserCommand,
  AdminListGroupsForUserCommand,
  AdminRemoveUserFromGroupCommand,
  AdminSetUserPasswordCommand,
  AdminUpdateUserAttributesCommand,
  AdminUserGlobalSignOutCommand,
  CreateGroupCommand,
  ListUsersCommand,
  ListUsersInGroupCommand,
  type AttributeType,
  type CognitoIdentityProviderClientResolvedConfig,
  type ServiceInputTypes,
  type ServiceOutputTypes,
  type UserType,
} from '@aws-sdk/client-cognito-identity-provider';
import { randomBytes } from 'node:crypto';
import { CognitoCalls, type CognitoClientOptions } from './calls.js';
import { CognitoError } from './errors.js';
import type { Operation, Urgency } from './quotas.js';

export interface UserPoolOptions extends CognitoClientOptions {
  readonly userPoolId: string;
}

type PoolCommand<I extends ServiceInputTypes, O extends ServiceOutputTypes> = $Command<
  I,
  O,
  CognitoIdentityProviderClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes
>;

export type Attributes = Readonly<Record<string, string>>;

export interface PoolUser {
  readonly username: string;
  readonly attributes: Attributes;
  readonly enabled: boolean;
  /** Cognito's status of the user, e.g. `CONFIRMED`, `FORCE_CHANGE_PASSWORD`. */
  readonly status: string;
}

export interface Page<T> {
  readonly items: T[];
  /** Cursor of the next page. Null means that this is the last page. */
  readonly next: string | null;
}

const LIST_LIMIT = 60;

export class UserPool {
  private readonly calls: CognitoCalls;

  constructor(private readonly options: UserPoolOptions) {
    this.calls = new CognitoCalls(options);
  }

  /** Creates a user without a message to the person. Fails as `exists`. Call {@link setRandomPassword} next. */
  async createUser(username: string, attributes: Attributes, urgency: Urgency = 'urgent'): Promise<void> {
    const input = { ...this.user(username), UserAttributes: toList(attributes), MessageAction: 'SUPPRESS' as const };
    await this.call('AdminCreateUser', urgency, new AdminCreateUserCommand(input));
  }

  /** Sets a permanent password that nobody knows. The user's status becomes CONFIRMED. */
  async setRandomPassword(username: string, urgency: Urgency = 'urgent'): Promise<void> {
    const input = { ...this.user(username), Password: randomPassword(), Permanent: true };
    await this.call('AdminSetUserPassword', urgency, new AdminSetUserPasswordCommand(input));
  }

  /** Sets only the named attributes. A blank value deletes the attribute. */
  async updateAttributes(username: string, attributes: Attributes, urgency: Urgency = 'urgent'): Promise<void> {
    const input = { ...this.user(username), UserAttributes: toList(attributes) };
    await this.call('AdminUpdateUserAttributes', urgency, new AdminUpdateUserAttributesCommand(input));
  }

  /** Deletes a user for good, with all attributes and tokens. */
  async deleteUser(username: string, urgency: Urgency = 'bulk'): Promise<void> {
    await this.call('AdminDeleteUser', urgency, new AdminDeleteUserCommand(this.user(username)));
  }

  /**
   * Disables a user. Cognito then refuses sign-in and refresh. A service that verifies access tokens offline still
   * accepts them until they expire.
   */
  async disableUser(username: string, urgency: Urgency = 'offboarding'): Promise<void> {
    await this.call('AdminDisableUser', urgency, new AdminDisableUserCommand(this.user(username)));
  }

  /**
   * Enables a user. Returns the `Date` header of Cognito's response, in whole seconds, or null if there is none. Tokens
   * from before the user was disabled have an `iat` at or before this time. Tokens that are issued after this call have
   * an `iat` at or after this time.
   */
  async enableUser(username: string, urgency: Urgency = 'urgent'): Promise<Date | null> {
    const command = new AdminEnableUserCommand(this.user(username));
    const clock = readServerClock(command);
    await this.call('AdminEnableUser', urgency, command);
    return clock.at;
  }

  /**
   * Revokes all refresh tokens of a user. Services that verify access tokens offline would still accept them, but the
   * fence rejects them. Returns the `Date` header, as {@link enableUser} does. Tokens that were issued before this call
   * have an `iat` at or before this time.
   */
  async signOut(username: string, urgency: Urgency = 'offboarding'): Promise<Date | null> {
    const command = new AdminUserGlobalSignOutCommand(this.user(username));
    const clock = readServerClock(command);
    await this.call('AdminUserGlobalSignOut', urgency, command);
    return clock.at;
  }

  async addToGroup(username: string, group: string, urgency: Urgency = 'urgent'): Promise<void> {
    const input = { ...this.user(username), GroupName: group };
    await this.call('AdminAddUserToGroup', urgency, new AdminAddUserToGroupCommand(input));
  }

  async removeFromGroup(username: string, group: string, urgency: Urgency = 'urgent'): Promise<void> {
    const input = { ...this.user(username), GroupName: group };
    await this.call('AdminRemoveUserFromGroup', urgency, new AdminRemoveUserFromGroupCommand(input));
  }

  /** Creates a group. A lower precedence means a stronger group. Fails as `exists` if the group exists. */
  async createGroup(group: string, precedence: number, urgency: Urgency = 'urgent'): Promise<void> {
    const input = { UserPoolId: this.options.userPoolId, GroupName: group, Precedence: precedence };
    await this.call('CreateGroup', urgency, new CreateGroupCommand(input));
  }

  async getUser(username: string, urgency: Urgency = 'urgent'): Promise<PoolUser | null> {
    try {
      const user = await this.call('AdminGetUser', urgency, new AdminGetUserCommand(this.user(username)));
      return {
        username: user.Username ?? username,
        attributes: fromList(user.UserAttributes),
        enabled: user.Enabled ?? true,
        status: user.UserStatus ?? '',
      };
    } catch (error) {
      if (error instanceof CognitoError && error.errorClass === 'missing_user') return null;
      throw error;
    }
  }

  async listGroupsForUser(username: string, urgency: Urgency = 'urgent'): Promise<string[]> {
    const groups: string[] = [];
    let next: string | undefined;
    do {
      const input = { ...this.user(username), Limit: LIST_LIMIT, NextToken: next };
      const page = await this.call('AdminListGroupsForUser', urgency, new AdminListGroupsForUserCommand(input));
      groups.push(...(page.Groups ?? []).flatMap((g) => g.GroupName ?? []));
      next = page.NextToken;
    } while (next);
    return groups;
  }

  async listUsers(cursor: string | null, urgency: Urgency = 'bulk'): Promise<Page<PoolUser>> {
    const input = { UserPoolId: this.options.userPoolId, Limit: LIST_LIMIT, PaginationToken: cursor ?? undefined };
    const page = await this.call('ListUsers', urgency, new ListUsersCommand(input));
    return { items: (page.Users ?? []).map(toPoolUser), next: page.PaginationToken ?? null };
  }

  /** The page is empty if the group does not exist. */
  async listUsersInGroup(group: string, cursor: string | null, urgency: Urgency = 'bulk'): Promise<Page<PoolUser>> {
    const input = {
      UserPoolId: this.options.userPoolId,
      GroupName: group,
      Limit: LIST_LIMIT,
      NextToken: cursor ?? undefined,
    };
    try {
      const page = await this.call('ListUsersInGroup', urgency, new ListUsersInGroupCommand(input));
      return { items: (page.Users ?? []).map(toPoolUser), next: page.NextToken ?? null };
    } catch (error) {
      if (error instanceof CognitoError && error.errorClass === 'missing_group') return { items: [], next: null };
      throw error;
    }
  }

  close(): void {
    this.calls.close();
  }

  /** Nest calls this after everything that uses the pool has stopped. */
  onApplicationShutdown(): void {
    this.close();
  }

  private user(username: string): { UserPoolId: string; Username: string } {
    return { UserPoolId: this.options.userPoolId, Username: username };
  }

  private call<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    operation: Operation,
    urgency: Urgency,
    command: PoolCommand<I, O>,
  ): Promise<O> {
    return this.calls.make(operation, urgency, (client) => client.send(command));
  }
}

/** Makes 64 characters with 360 random bits. The first four characters satisfy any password policy of Cognito. */
const randomPassword = (): string => `aA1!${randomBytes(45).toString('base64')}`;

/** Records the `Date` header of the last response to the command. */
function readServerClock({ middlewareStack }: Pick<AdminEnableUserCommand, 'middlewareStack'>): { at: Date | null } {
  const clock: { at: Date | null } = { at: null };
  middlewareStack.add(
    (next) => async (input) => {
      const result = await next(input);
      const { headers } = result.response as { headers?: Readonly<Record<string, string>> };
      const at = Date.parse(headers?.date ?? '');
      if (!Number.isNaN(at)) clock.at = new Date(at);
      return result;
    },
    { step: 'deserialize', name: 'readServerClock', priority: 'low' },
  );
  return clock;
}

const toList = (attributes: Attributes): AttributeType[] =>
  Object.entries(attributes).map(([Name, Value]) => ({ Name, Value }));
const fromList = (list: readonly AttributeType[] | undefined): Attributes =>
  Object.fromEntries((list ?? []).map((a) => [a.Name ?? '', a.Value ?? '']));
const toPoolUser = (user: UserType): PoolUser => ({
  username: user.Username ?? '',
  attributes: fromList(user.Attributes),
  enabled: user.Enabled ?? true,
  status: user.UserStatus ?? '',
});
