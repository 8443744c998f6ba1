/** Creates, changes and deletes users: reads the state, computes the next one, stores it with its events or answers. */
import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { Outbox } from '#event-bus';
import { PLATFORM, sqlState, type PlatformContext, type Queryable } from '#platform';
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
import type { ScimRequest } from '../http/scim-request.js';
import { RequestLog } from '../requests/request-log.js';
import { changeEvents, createdEvent, deletedEvent } from './user-events.js';
import { findHolders, findUser, lockUser, nameKey, NameTaken, UserWrites, type UserRow } from './users.sql.js';

/** Optimistic attempts before a writer queues up behind the row lock. */
const ATTEMPTS = 3;
/** A POST may be the repetition of a lost one for so long. */
const REPEAT_WINDOW_MS = 24 * 3_600_000;

@Injectable()
export class UsersService {
  private readonly writes: UserWrites;

  constructor(
    @Inject(PLATFORM) private readonly platform: PlatformContext,
    @Inject(Outbox) private readonly outbox: Outbox,
    @Inject(RequestLog) private readonly requests: RequestLog,
  ) {
    this.writes = new UserWrites(outbox);
  }

  async get(request: ScimRequest, id: string): Promise<UserRow> {
    const user = await findUser(this.platform.database, request.tenantId, id);
    if (!user) throw noSuchUser(id);
    return user;
  }

  /** One statement when the names are free. */
  async create(request: ScimRequest, body: unknown): Promise<UserRow> {
    const parsed = parseUser(body);
    const resource: UserResource = { ...parsed, active: parsed.active ?? true };
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const user = newUser(request, resource);
      if (
        await this.writes.insert(this.platform.database, user, [
          createdEvent(user, { requestId: request.id, at: user.createdAt }),
        ])
      ) {
        this.outbox.stored();
        return user;
      }
      const existing = await this.takeExisting(request, resource);
      if (existing) return existing;
    }
    throw taken('userName', resource.userName);
  }

  replace(request: ScimRequest, id: string, body: unknown): Promise<UserRow> {
    const parsed = parseUser(body);
    return this.change(request, id, (user) => replaceUser(user.resource, body, parsed));
  }

  patch(request: ScimRequest, id: string, body: unknown): Promise<UserRow> {
    const operations = parsePatch(
      body,
      userSchema.extensions.map((extension) => extension.id),
    );
    return this.change(request, id, (user) => patchUser(user.resource, operations));
  }

  /** The row becomes a tombstone; its memberships go, its names are free again. */
  async delete(request: ScimRequest, id: string): Promise<void> {
    await this.attempt(request, id, async (queryable, user) => {
      const at = new Date();
      const final = { ...user, version: user.version + 1, resource: { ...user.resource, active: false }, groupIds: [] };
      const event = deletedEvent(final, { requestId: request.id, at });
      return (await this.writes.delete(queryable, final, user.version, at, [event])) ? user : undefined;
    });
  }

  private change(request: ScimRequest, id: string, next: (user: UserRow) => UserResource): Promise<UserRow> {
    return this.attempt(request, id, (queryable, user) => this.store(queryable, request, user, next(user)));
  }

  /** No difference: no version, no event. Undefined: somebody else was faster. */
  private async store(
    queryable: Queryable,
    request: ScimRequest,
    before: UserRow,
    resource: UserResource,
  ): Promise<UserRow | undefined> {
    const at = new Date();
    const events = changeEvents(before, resource, { requestId: request.id, at });
    if (events.length === 0) return before;
    const after: UserRow = { ...before, resource, version: before.version + events.length, updatedAt: at };
    try {
      return (await this.writes.update(queryable, after, before.version, events)) ? after : undefined;
    } catch (error) {
      if (error instanceof NameTaken)
        throw taken(error.attribute, error.attribute === 'userName' ? resource.userName : (resource.externalId ?? ''));
      throw error;
    }
  }

  /** Reads and writes without a lock; after three lost races under the row's lock, so that every writer gets through. */
  private async attempt(
    request: ScimRequest,
    id: string,
    write: (queryable: Queryable, user: UserRow) => Promise<UserRow | undefined>,
  ): Promise<UserRow> {
    const { database } = this.platform;
    let written: UserRow | undefined;
    for (let attempt = 1; attempt <= ATTEMPTS && !written; attempt++) {
      const user = await this.get(request, id);
      written = await write(database, user).catch(lostToDeadlock);
    }
    written ??= await database.tx(async (tx) => {
      await lockUser(tx, request.tenantId, id);
      const user = await findUser(tx, request.tenantId, id);
      if (!user) throw noSuchUser(id);
      return write(tx, user);
    });
    if (!written) throw new Error(`user ${id} changed under its own row lock`);
    this.outbox.stored();
    return written;
  }

  /**
   * A POST whose name or external id is taken. It may still be right:
   * - it repeats a POST whose answer was lost: then the user of that POST is the answer;
   * - Okta renames by deactivating the old user and creating a new one with the same external id: one person keeps one
   *   account, so the inactive user takes over the new profile.
   * Undefined: whoever held the name is gone.
   */
  private async takeExisting(request: ScimRequest, resource: UserResource): Promise<UserRow | undefined> {
    const holders = await findHolders(this.platform.database, request.tenantId, resource);
    const named = holders.find((user) => nameKey(user.resource.userName) === nameKey(resource.userName));
    if (named) {
      if (await this.isLostCreate(named, resource)) return named;
      throw taken('userName', resource.userName);
    }
    const linked = holders[0];
    if (!linked) return undefined;
    return this.change(request, linked.id, (user) => {
      if (user.resource.externalId !== resource.externalId || user.resource.active === true)
        throw stillActive(user.resource, resource);
      return resource;
    });
  }

  private async isLostCreate(user: UserRow, resource: UserResource): Promise<boolean> {
    const untouched =
      user.version === 1 &&
      Date.now() - user.createdAt.getTime() < REPEAT_WINDOW_MS &&
      deepEqual(user.resource, resource);
    return untouched && !(await this.requests.wasDelivered(user.createdRequest));
  }
}

/** Two users that swap their names wait for each other's index entries; Postgres gives one of them up. */
function lostToDeadlock(error: unknown): undefined {
  if (sqlState(error) !== '40P01') throw error;
}

function newUser(request: ScimRequest, resource: UserResource): UserRow {
  const now = new Date();
  return {
    id: randomUUID(),
    tenantId: request.tenantId,
    version: 1,
    resource,
    groups: [],
    groupIds: [],
    createdAt: now,
    updatedAt: now,
    createdRequest: request.id,
  };
}

export const noSuchUser = (id: string) =>
  new ScimError(
    404,
    `There is no user ${quote(id)} in this StackFlow instance. If the user was deleted here, unassign and assign the person in the identity provider again.`,
  );

const taken = (attribute: 'userName' | 'externalId', value: string) =>
  ScimError.of(
    'uniqueness',
    `Another user already has the ${attribute} ${quote(value)} (compared without regard to case). Let the identity provider match and update that user, or give one of the two another ${attribute}.`,
  );

const stillActive = (existing: UserResource, wanted: UserResource) =>
  ScimError.of(
    'uniqueness',
    `The externalId ${quote(wanted.externalId ?? '')} already belongs to the active user ${quote(existing.userName)}. If that person was renamed, push the profile update instead of a new user, or deactivate ${quote(existing.userName)} first.`,
  );
