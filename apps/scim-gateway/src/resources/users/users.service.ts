import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { Outbox } from '#event-bus';
import { Database, sqlState, type Queryable } from '#platform';
import {
  deepEqual,
  parsePatch,
  parseUser,
  patchUser,
  quote,
  replaceUser,
  ScimError,
  userSchema,
  type UserResource,
} from '#scim';
import { RequestLog } from '../../activity/request-log.js';
import type { ScimContext } from '../../http/context.js';
import { Quotas } from '../quotas.js';
import { causeOf } from '../events.js';
import { accessEvent, changeEvents, changesAccess, createdEvent, deletedEvent } from './user-events.js';
import type { User } from './user.entity.js';
import { findHolders, findUser, lockUser, nameKey, NameTaken, UserWrites } from './users.sql.js';

/** Number of optimistic attempts before a writer waits for the row lock. */
const ATTEMPTS = 3;
/** Time within which a POST may repeat an earlier POST whose answer was lost. */
const REPEAT_WINDOW_MS = 24 * 3_600_000;

/** Resolves with the stored user, or with undefined if another request changed the user first. */
type UserWrite = (queryable: Queryable, user: User) => Promise<User | undefined>;

@Injectable()
export class UsersService {
  private readonly writes: UserWrites;

  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly requests: RequestLog,
    private readonly quotas: Quotas,
  ) {
    this.writes = new UserWrites(outbox);
  }

  async get(context: ScimContext, id: string): Promise<User> {
    const user = await findUser(this.database, context.tenantId, id);
    if (!user) throw noSuchUser(id);
    return user;
  }

  /** Creates a user with one statement, if no other user has the name or the external id. */
  async create(context: ScimContext, body: unknown): Promise<User> {
    const parsed = parseUser(body);
    const resource: UserResource = { ...parsed, active: parsed.active ?? true };
    try {
      await this.quotas.admit(context.tenantId, 'users', 1);
    } catch (error) {
      const existing = await this.takeExisting(context, resource);
      if (existing) return existing;
      throw error;
    }
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const cause = causeOf(context);
      const user: User = {
        id: randomUUID(),
        tenantId: context.tenantId,
        version: 1,
        accessVersion: 1,
        resource,
        groups: [],
        createdAt: cause.at,
        updatedAt: cause.at,
        createdRequest: context.id,
      };
      const events = [accessEvent(user, false, cause), createdEvent(user, cause)];
      if (await this.writes.insert(this.database, user, events)) {
        this.outbox.stored();
        return user;
      }
      const existing = await this.takeExisting(context, resource);
      if (existing) return existing;
    }
    throw taken('userName', resource.userName);
  }

  replace(context: ScimContext, id: string, body: unknown): Promise<User> {
    const parsed = parseUser(body);
    return this.change(context, id, (user) => replaceUser(user.resource, body, parsed));
  }

  patch(context: ScimContext, id: string, body: unknown): Promise<User> {
    const extensions = userSchema.extensions.map((extension) => extension.id);
    const operations = parsePatch(body, extensions);
    return this.change(context, id, (user) => patchUser(user.resource, operations));
  }

  /** Deletes a user. Only the id and the version stay, so the id is never used again. */
  async delete(context: ScimContext, id: string): Promise<void> {
    await this.locked(context, id, async (tx, user) => {
      const cause = causeOf(context);
      const final = {
        ...user,
        version: user.version + 1,
        accessVersion: user.accessVersion + 1,
        resource: { ...user.resource, active: false },
      };
      const events = [accessEvent(final, true, cause), deletedEvent(final, cause)];
      const deleted = await this.writes.delete(tx, final, user.version, cause.at, events);
      return deleted ? user : undefined;
    });
  }

  private change(context: ScimContext, id: string, next: (user: User) => UserResource): Promise<User> {
    return this.attempt(context, id, (queryable, user) => this.store(queryable, context, user, next(user)));
  }

  /** Stores the new state if it differs from `before`. Returns undefined if another request changed the user first. */
  private async store(
    queryable: Queryable,
    context: ScimContext,
    before: User,
    resource: UserResource,
  ): Promise<User | undefined> {
    const cause = causeOf(context);
    const events = changeEvents(before, resource, cause);
    if (events.length === 0) return before;
    const access = changesAccess(before.resource, resource);
    const after: User = {
      ...before,
      resource,
      version: before.version + events.length,
      accessVersion: before.accessVersion + (access ? 1 : 0),
      updatedAt: cause.at,
    };
    if (access) events.unshift(accessEvent(after, false, cause));
    try {
      return (await this.writes.update(queryable, after, before.version, events)) ? after : undefined;
    } catch (error) {
      if (error instanceof NameTaken) throw taken(error.attribute, resource[error.attribute] ?? '');
      throw error;
    }
  }

  /**
   * Reads and writes without a lock. After three conflicts with other writers it takes the row lock, so that the write
   * succeeds.
   */
  private async attempt(context: ScimContext, id: string, write: UserWrite): Promise<User> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const written = await this.readAndWrite(this.database, context, id, write).catch(undefinedIfDeadlock);
      if (!written) continue;
      this.outbox.stored();
      return written;
    }
    return this.locked(context, id, write);
  }

  /** Reads and writes under the lock of the user's row. */
  private async locked(context: ScimContext, id: string, write: UserWrite): Promise<User> {
    const work = (): Promise<User | undefined> =>
      this.database.tx(async (tx) => {
        await lockUser(tx, context.tenantId, id);
        return this.readAndWrite(tx, context, id, write);
      });
    let written: User | undefined;
    for (let attempt = 1; attempt < ATTEMPTS && !written; attempt++) written = await work().catch(undefinedIfDeadlock);
    written ??= await work();
    if (!written) throw new Error(`user ${id} changed while its row was locked`);
    this.outbox.stored();
    return written;
  }

  private async readAndWrite(
    queryable: Queryable,
    { tenantId }: ScimContext,
    id: string,
    write: UserWrite,
  ): Promise<User | undefined> {
    const user = await findUser(queryable, tenantId, id);
    if (!user) throw noSuchUser(id);
    return write(queryable, user);
  }

  /**
   * Handles a POST whose name or external id another user has. Two such requests are valid:
   * - A repetition of a POST whose answer was lost gets the user of the first POST.
   * - Okta renames a person: it deactivates the old user and creates one with the same external id. One person keeps
   *   one account, so the inactive user gets the new profile.
   *
   * Returns undefined if the other user no longer exists.
   */
  private async takeExisting(context: ScimContext, resource: UserResource): Promise<User | undefined> {
    const holders = await findHolders(this.database, context.tenantId, resource);
    const sameName = holders.find((user) => nameKey(user.resource.userName) === nameKey(resource.userName));
    if (sameName) {
      if (await this.isLostCreate(sameName, resource)) return sameName;
      throw taken('userName', resource.userName);
    }
    const sameExternalId = holders[0];
    if (!sameExternalId) return undefined;
    const user = await this.change(context, sameExternalId.id, (holder) => {
      if (holder.resource.externalId !== resource.externalId || holder.resource.active === true)
        throw stillActive(holder.resource, resource);
      return resource;
    });
    context.detail = `The inactive user ${quote(sameExternalId.resource.userName)} has the same externalId, so this person keeps that user's id and groups under the new name.`;
    return user;
  }

  private async isLostCreate(user: User, resource: UserResource): Promise<boolean> {
    const untouched =
      user.version === 1 &&
      Date.now() - user.createdAt.getTime() < REPEAT_WINDOW_MS &&
      deepEqual(user.resource, resource);
    return untouched && !(await this.requests.wasDelivered(user.createdRequest));
  }
}

/**
 * Two requests that swap the names of two users wait for each other's index entries. Postgres then rolls one of them
 * back.
 */
function undefinedIfDeadlock(error: unknown): undefined {
  if (sqlState(error) !== '40P01') throw error;
}

export const noSuchUser = (id: string) =>
  new ScimError(
    404,
    `There is no user ${quote(id)} in this StackFlow instance. If the user was deleted here, unassign and assign the person in the identity provider again.`,
  );

const taken = (attribute: 'userName' | 'externalId', value: string) =>
  ScimError.of(
    'uniqueness',
    `Another user already has the ${attribute} ${quote(value)}${attribute === 'userName' ? ' (upper and lower case count as equal)' : ''}. Let the identity provider match and update that user, or give one of the two another ${attribute}.`,
  );

const stillActive = (existing: UserResource, wanted: UserResource) =>
  ScimError.of(
    'uniqueness',
    `The externalId ${quote(wanted.externalId ?? '')} already belongs to the active user ${quote(existing.userName)}. If that person was renamed, push the profile update instead of a new user, or deactivate ${quote(existing.userName)} first.`,
  );
