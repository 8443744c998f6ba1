/** The Cognito user pool as our services use it; how each call is made stands in {@link CognitoCalls}. */
import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
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
  type CognitoIdentityProviderClient,
  type UserType,
} from '@aws-sdk/client-cognito-identity-provider';
import { CognitoCalls, type CognitoClientOptions } from './calls.js';
import { CognitoError } from './errors.js';
import { randomPassword } from './password.js';
import type { Operation, Urgency } from './quotas.js';

export interface UserPoolOptions extends CognitoClientOptions {
  readonly userPoolId: string;
}

export type Attributes = Readonly<Record<string, string>>;

export interface PoolUser {
  readonly username: string;
  readonly attributes: Attributes;
  readonly enabled: boolean;
  /** `CONFIRMED`, `FORCE_CHANGE_PASSWORD`, ... */
  readonly status: string;
}

export interface Page<T> {
  readonly items: T[];
  /** Null = last page. */
  readonly next: string | null;
}

const LIST_LIMIT = 60;

export class UserPool {
  private readonly calls: CognitoCalls;
  private readonly client: CognitoIdentityProviderClient;

  constructor(private readonly options: UserPoolOptions) {
    this.calls = new CognitoCalls(options);
    this.client = this.calls.client;
  }

  /** Creates the user without any message to the person. Follow with {@link setRandomPassword}; `exists` if the name is taken. */
  async createUser(username: string, attributes: Attributes, urgency: Urgency = 'urgent'): Promise<void> {
    const input = { ...this.user(username), UserAttributes: toList(attributes), MessageAction: 'SUPPRESS' as const };
    await this.call('AdminCreateUser', urgency, () => this.client.send(new AdminCreateUserCommand(input)));
  }

  /** A permanent password that is thrown away at once: the account becomes CONFIRMED, and nobody can sign in with it. */
  async setRandomPassword(username: string, urgency: Urgency = 'urgent'): Promise<void> {
    const input = { ...this.user(username), Password: randomPassword(), Permanent: true };
    await this.call('AdminSetUserPassword', urgency, () => this.client.send(new AdminSetUserPasswordCommand(input)));
  }

  /** Sets what is named and nothing else; a blank value deletes the attribute. */
  async updateAttributes(username: string, attributes: Attributes, urgency: Urgency = 'urgent'): Promise<void> {
    const input = { ...this.user(username), UserAttributes: toList(attributes) };
    await this.call('AdminUpdateUserAttributes', urgency, () =>
      this.client.send(new AdminUpdateUserAttributesCommand(input)),
    );
  }

  /** From here on Cognito refuses sign-in and refresh; tokens that were issued verify offline until they expire. */
  async disableUser(username: string, urgency: Urgency = 'offboarding'): Promise<void> {
    await this.call('AdminDisableUser', urgency, () =>
      this.client.send(new AdminDisableUserCommand(this.user(username))),
    );
  }

  /**
   * Answers with Cognito's own clock (the `Date` of its answer, whole seconds; null if it sent none): whatever it issues
   * from now on is not older, whatever it issued before the user was disabled is not younger.
   */
  async enableUser(username: string, urgency: Urgency = 'urgent'): Promise<Date | null> {
    const command = new AdminEnableUserCommand(this.user(username));
    const clock = readServerClock(command);
    await this.call('AdminEnableUser', urgency, () => this.client.send(command));
    return clock.at;
  }

  /**
   * Revokes all refresh tokens. Access tokens live on for whoever verifies them offline: that is what the fence is for.
   * Answers with Cognito's own clock, like {@link enableUser}: what was issued before is not younger.
   */
  async signOut(username: string, urgency: Urgency = 'offboarding'): Promise<Date | null> {
    const command = new AdminUserGlobalSignOutCommand(this.user(username));
    const clock = readServerClock(command);
    await this.call('AdminUserGlobalSignOut', urgency, () => this.client.send(command));
    return clock.at;
  }

  async addToGroup(username: string, group: string, urgency: Urgency = 'urgent'): Promise<void> {
    const input = { ...this.user(username), GroupName: group };
    await this.call('AdminAddUserToGroup', urgency, () => this.client.send(new AdminAddUserToGroupCommand(input)));
  }

  async removeFromGroup(username: string, group: string, urgency: Urgency = 'urgent'): Promise<void> {
    const input = { ...this.user(username), GroupName: group };
    await this.call('AdminRemoveUserFromGroup', urgency, () =>
      this.client.send(new AdminRemoveUserFromGroupCommand(input)),
    );
  }

  /** Lower precedence = stronger group. `exists` when it is there already. */
  async createGroup(group: string, precedence: number, urgency: Urgency = 'urgent'): Promise<void> {
    const input = { UserPoolId: this.options.userPoolId, GroupName: group, Precedence: precedence };
    await this.call('CreateGroup', urgency, () => this.client.send(new CreateGroupCommand(input)));
  }

  /** Null = no such user. */
  async getUser(username: string, urgency: Urgency = 'urgent'): Promise<PoolUser | null> {
    try {
      const user = await this.call('AdminGetUser', urgency, () =>
        this.client.send(new AdminGetUserCommand(this.user(username))),
      );
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

  /** All groups of the user, over all pages. */
  async listGroupsForUser(username: string, urgency: Urgency = 'urgent'): Promise<string[]> {
    const groups: string[] = [];
    let next: string | undefined;
    do {
      const input = { ...this.user(username), Limit: LIST_LIMIT, NextToken: next };
      const page = await this.call('AdminListGroupsForUser', urgency, () =>
        this.client.send(new AdminListGroupsForUserCommand(input)),
      );
      groups.push(...(page.Groups ?? []).flatMap((g) => g.GroupName ?? []));
      next = page.NextToken;
    } while (next);
    return groups;
  }

  /** One page of all users of the pool, in Cognito's own order. */
  async listUsers(cursor: string | null, urgency: Urgency = 'bulk'): Promise<Page<PoolUser>> {
    const input = { UserPoolId: this.options.userPoolId, Limit: LIST_LIMIT, PaginationToken: cursor ?? undefined };
    const page = await this.call('ListUsers', urgency, () => this.client.send(new ListUsersCommand(input)));
    return { items: (page.Users ?? []).map(toPoolUser), next: page.PaginationToken ?? null };
  }

  /** One page of a group's members; a group that does not exist has none. */
  async listUsersInGroup(group: string, cursor: string | null, urgency: Urgency = 'bulk'): Promise<Page<PoolUser>> {
    const input = {
      UserPoolId: this.options.userPoolId,
      GroupName: group,
      Limit: LIST_LIMIT,
      NextToken: cursor ?? undefined,
    };
    try {
      const page = await this.call('ListUsersInGroup', urgency, () =>
        this.client.send(new ListUsersInGroupCommand(input)),
      );
      return { items: (page.Users ?? []).map(toPoolUser), next: page.NextToken ?? null };
    } catch (error) {
      if (error instanceof CognitoError && error.errorClass === 'missing_group') return { items: [], next: null };
      throw error;
    }
  }

  close(): void {
    this.calls.close();
  }

  /** Nest calls it after whoever uses the pool has stopped. */
  onApplicationShutdown(): void {
    this.close();
  }

  private user(username: string): { UserPoolId: string; Username: string } {
    return { UserPoolId: this.options.userPoolId, Username: username };
  }

  private call<T>(operation: Operation, urgency: Urgency, send: () => Promise<T>): Promise<T> {
    return this.calls.make(operation, urgency, send);
  }
}

/** `at` of the result: the `Date` header of the last answer to the command. */
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
