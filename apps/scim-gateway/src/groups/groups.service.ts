/** Creates, changes and deletes groups. A change of membership and its events commit together, all or nothing. */
import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import type { Counter } from 'prom-client';
import { Outbox, type NewEvent } from '#event-bus';
import { PLATFORM, sqlState, type PlatformContext, type Tx } from '#platform';
import { parseGroup, parsePatch, quote, reduceGroupPatch, ScimError, type GroupChange } from '#scim';
import { resourceId, type ScimRequest } from '../http/scim-request.js';
import type { Cause } from '../users/user-events.js';
import {
  deleteGroup,
  directoryGroup,
  findGroup,
  insertGroup,
  lockGroup,
  updateGroup,
  type GroupRow,
} from './groups.sql.js';
import { changeMembership, type MembershipChange } from './membership.sql.js';

/** Repetitions of a transaction that Postgres gave up to resolve a conflict with another. */
const ATTEMPTS = 3;

@Injectable()
export class GroupsService {
  private readonly leftOut: Counter<string>;

  constructor(
    @Inject(PLATFORM) private readonly platform: PlatformContext,
    @Inject(Outbox) private readonly outbox: Outbox,
  ) {
    this.leftOut = platform.metrics.counter(
      'scim_members_left_out_total',
      'Members that a client sent and that were not stored, because no such user exists.',
    );
  }

  async get(request: ScimRequest, id: string): Promise<GroupRow> {
    const group = await findGroup(this.platform.database, request.tenantId, id);
    if (!group) throw noSuchGroup(id);
    return group;
  }

  create(request: ScimRequest, body: unknown): Promise<GroupRow> {
    const parsed = parseGroup(body);
    const members = split(parsed.members ?? []);
    return this.transaction(async (tx) => {
      const cause = causeOf(request);
      const group: GroupRow = {
        id: randomUUID(),
        tenantId: request.tenantId,
        displayName: parsed.displayName,
        externalId: parsed.externalId ?? null,
        version: 1,
        createdAt: cause.at,
        updatedAt: cause.at,
      };
      if (!(await insertGroup(tx, group))) throw taken(group.displayName);
      await this.outbox.add(tx, [groupEvent('created', group, cause)]);
      await this.applyMembership(tx, request, group, { kind: 'replace', all: members.ids }, members.strange, cause);
      return group;
    });
  }

  /** A body that says nothing about members, or nothing about externalId, leaves them as they are. */
  replace(request: ScimRequest, id: string, body: unknown): Promise<GroupRow> {
    const { displayName, externalId, members } = parseGroup(body);
    return this.change(request, id, {
      displayName,
      ...(externalId !== undefined && { externalId }),
      replaceAll: members ?? null,
      add: [],
      remove: [],
    });
  }

  patch(request: ScimRequest, id: string, body: unknown): Promise<GroupRow> {
    return this.change(request, id, reduceGroupPatch(parsePatch(body)));
  }

  /** Every member leaves the group first, so that subscribers see each person lose it. */
  delete(request: ScimRequest, id: string): Promise<void> {
    return this.transaction(async (tx) => {
      const cause = causeOf(request);
      const group = await lockGroup(tx, request.tenantId, id);
      if (!group) throw noSuchGroup(id);
      await changeMembership(tx, group, { kind: 'replace', all: [] }, cause);
      await deleteGroup(tx, group);
      await this.outbox.add(tx, [groupEvent('deleted', { ...group, version: group.version + 1 }, cause)]);
    });
  }

  private async change(request: ScimRequest, id: string, change: GroupChange): Promise<GroupRow> {
    const group = await this.get(request, id);
    const touchesMembers = change.replaceAll !== null || change.add.length + change.remove.length > 0;
    // Okta sends a rename with the unchanged name before each change of membership: no lock, no write.
    if (!touchesMembers && !attributesDiffer(group, change)) return group;
    return this.transaction(async (tx) => {
      const cause = causeOf(request);
      const locked = await lockGroup(tx, request.tenantId, id);
      if (!locked) throw noSuchGroup(id);
      const current = await this.applyAttributes(tx, locked, change, cause);
      if (!touchesMembers) return current;
      const wanted = split(change.replaceAll ?? change.add);
      const membership: MembershipChange = change.replaceAll
        ? { kind: 'replace', all: wanted.ids }
        : { kind: 'difference', add: wanted.ids, remove: split(change.remove).ids };
      const changed = await this.applyMembership(tx, request, current, membership, wanted.strange, cause);
      return changed ? { ...current, updatedAt: cause.at } : current;
    });
  }

  /** `group.renamed` for the name; nobody is told about an external id. */
  private async applyAttributes(tx: Tx, group: GroupRow, change: GroupChange, cause: Cause): Promise<GroupRow> {
    if (!attributesDiffer(group, change)) return group;
    const displayName = change.displayName ?? group.displayName;
    const renamed = displayName !== group.displayName;
    const next: GroupRow = {
      ...group,
      displayName,
      externalId: change.externalId === undefined ? group.externalId : change.externalId,
      version: group.version + (renamed ? 1 : 0),
      updatedAt: cause.at,
    };
    try {
      await updateGroup(tx, next);
    } catch (error) {
      throw sqlState(error) === '23505' ? taken(displayName) : error;
    }
    if (renamed)
      await this.outbox.add(tx, [groupEvent('renamed', next, cause, { previousDisplayName: group.displayName })]);
    return next;
  }

  /** Unknown members do not refuse the others: Okta would mark the whole push as failed and not repeat it. */
  private async applyMembership(
    tx: Tx,
    request: ScimRequest,
    group: GroupRow,
    change: MembershipChange,
    strange: readonly string[],
    cause: Cause,
  ): Promise<boolean> {
    const { joined, left, unknown } = await changeMembership(tx, group, change, cause);
    const leftOut = [...strange, ...unknown];
    request.leftOut = leftOut;
    tx.afterCommit(() => {
      this.leftOut.inc(leftOut.length);
      this.outbox.stored();
    });
    return joined + left > 0;
  }

  /** Repeats what Postgres rolled back as the victim of a deadlock or of a serialization failure. */
  private async transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.platform.database.tx(work);
      } catch (error) {
        if (attempt >= ATTEMPTS || !/^40(001|P01)$/.test(sqlState(error) ?? '')) throw error;
      }
    }
  }
}

const causeOf = (request: ScimRequest): Cause => ({ requestId: request.id, at: new Date() });

const attributesDiffer = (group: GroupRow, { displayName, externalId }: GroupChange): boolean =>
  (displayName !== undefined && displayName !== group.displayName) ||
  (externalId !== undefined && externalId !== group.externalId);

/** Ids that can name a user here, each once in its stored spelling, and those that cannot. */
function split(sent: readonly string[]): { ids: string[]; strange: string[] } {
  const ids = new Set<string>();
  const strange: string[] = [];
  for (const text of sent) {
    const id = resourceId(text);
    if (id === undefined) strange.push(text);
    else ids.add(id);
  }
  return { ids: [...ids], strange };
}

function groupEvent(
  name: 'created' | 'renamed' | 'deleted',
  group: GroupRow,
  { requestId, at }: Cause,
  more: { previousDisplayName?: string } = {},
): NewEvent {
  return {
    type: `com.stackflow.directory.group.${name}.v1`,
    tenant: group.tenantId,
    subject: group.id,
    sequence: group.version,
    causationId: requestId,
    time: at,
    data: { group: directoryGroup(group), ...more },
  };
}

export const noSuchGroup = (id: string) =>
  new ScimError(
    404,
    `There is no group ${quote(id)} in this StackFlow instance. If it was deleted here, unlink the pushed group in the identity provider and push it again.`,
  );

const taken = (displayName: string) =>
  ScimError.of(
    'uniqueness',
    `Another group is already named ${quote(displayName)} (compared without regard to case). Link the pushed group to the existing one, or rename one of the two.`,
  );
