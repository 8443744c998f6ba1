/** A change of membership and its events commit together or not at all. */
import { Injectable } from '@nestjs/common';
import { Outbox } from '#event-bus';
import { Database, Metrics, sqlState, type Tx } from '#platform';
import { inTurns, parseGroup, parsePatch, quote, reduceGroupPatch, ScimError, type GroupChange } from '#scim';
import { Budgets } from '../../http/budgets.js';
import { resourceId, type ScimContext } from '../../http/context.js';
import { Quotas } from '../quotas.js';
import { causeOf, type Cause } from '../events.js';
import { groupCreated, groupDeleted, groupRenamed, membersChanged } from './group-events.js';
import type { Group } from './group.entity.js';
import { advanceGroup, deleteGroup, findGroup, insertGroup, lockGroup, updateGroup } from './groups.sql.js';
import { changeMembership, removeAllMembers, type MembershipChange } from './membership.sql.js';

/** How often a transaction may run if Postgres rolls it back because of a conflict. */
const ATTEMPTS = 3;

@Injectable()
export class GroupsService {
  private readonly leftOut;

  constructor(
    private readonly database: Database,
    private readonly outbox: Outbox,
    private readonly budgets: Budgets,
    private readonly quotas: Quotas,
    metrics: Metrics,
  ) {
    this.leftOut = metrics.counter(
      'scim_members_left_out_total',
      'Members that a client sent and that were not stored, because no such user exists.',
    );
  }

  async get(context: ScimContext, id: string): Promise<Group> {
    const group = await findGroup(this.database, context.tenantId, id);
    if (!group) throw noSuchGroup(id);
    return group;
  }

  async create(context: ScimContext, body: unknown): Promise<Group> {
    const parsed = await parseGroup(body);
    const members = await splitIds(parsed.members ?? []);
    if (members.ids.length > 0) this.budgets.admitMembershipChange(context);
    return this.transaction(async (tx) => {
      const cause = causeOf(context);
      const fields: Omit<Group, 'id'> = {
        tenantId: context.tenantId,
        displayName: parsed.displayName,
        externalId: parsed.externalId ?? null,
        version: 1,
        createdAt: cause.at,
        updatedAt: cause.at,
      };
      const id = await insertGroup(tx, fields);
      if (id === undefined) throw taken(fields.displayName);
      await this.quotas.admitStored(tx, context.tenantId, 'groups', 1);
      const group = { id, ...fields };
      await this.outbox.add(tx, [groupCreated(group, cause)]);
      const all: MembershipChange = { kind: 'replace', all: members.ids };
      return this.applyMembership(tx, context, group, all, members.malformed, cause);
    });
  }

  /** Replaces a group. Members and externalId stay unchanged if the body does not name them. */
  async replace(context: ScimContext, id: string, body: unknown): Promise<Group> {
    const { displayName, externalId, members } = await parseGroup(body);
    return this.change(context, id, {
      displayName,
      ...(externalId !== undefined && { externalId }),
      replaceAll: members ?? null,
      add: [],
      remove: [],
    });
  }

  async patch(context: ScimContext, id: string, body: unknown): Promise<Group> {
    return this.change(context, id, await reduceGroupPatch(parsePatch(body)));
  }

  /** Deletes a group with its memberships. One event says so: nobody is a member of a deleted group. */
  delete(context: ScimContext, id: string): Promise<void> {
    this.budgets.admitMembershipChange(context);
    return this.transaction(async (tx) => {
      const cause = causeOf(context);
      const group = await lockGroup(tx, context.tenantId, id);
      if (!group) throw noSuchGroup(id);
      this.budgets.changedMemberships(context, await removeAllMembers(tx, group));
      await deleteGroup(tx, group);
      await this.outbox.add(tx, [groupDeleted({ ...group, version: group.version + 1 }, cause)]);
    });
  }

  private async change(context: ScimContext, id: string, change: GroupChange): Promise<Group> {
    const group = await this.get(context, id);
    const touchesMembers = change.replaceAll !== null || change.add.length + change.remove.length > 0;
    // Okta sends a rename with the unchanged name before each change of membership. Such a rename needs neither lock
    // nor write.
    if (!touchesMembers && !attributesDiffer(group, change)) return group;
    if (touchesMembers) this.budgets.admitMembershipChange(context);
    const { ids, malformed } = await splitIds(change.replaceAll ?? change.add);
    const membership: MembershipChange = change.replaceAll
      ? { kind: 'replace', all: ids }
      : { kind: 'difference', add: ids, remove: (await splitIds(change.remove)).ids };
    return this.transaction(async (tx) => {
      const cause = causeOf(context);
      const locked = await lockGroup(tx, context.tenantId, id);
      if (!locked) throw noSuchGroup(id);
      const current = await this.applyAttributes(tx, locked, change, cause);
      if (!touchesMembers) return current;
      return this.applyMembership(tx, context, current, membership, malformed, cause);
    });
  }

  /** A new name causes the event `group.renamed`. A new external id causes no event. */
  private async applyAttributes(tx: Tx, group: Group, change: GroupChange, cause: Cause): Promise<Group> {
    if (!attributesDiffer(group, change)) return group;
    const displayName = change.displayName ?? group.displayName;
    const renamed = displayName !== group.displayName;
    const next: Group = {
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
    if (renamed) await this.outbox.add(tx, [groupRenamed(next, group.displayName, cause)]);
    return next;
  }

  /**
   * Changes the membership, and leaves out members that do not exist. If the whole request were refused, Okta would
   * mark the push as failed and not repeat it. Resolves with the group as it is then.
   */
  private async applyMembership(
    tx: Tx,
    context: ScimContext,
    group: Group,
    change: MembershipChange,
    malformed: readonly string[],
    cause: Cause,
  ): Promise<Group> {
    const changes = await changeMembership(tx, group, change);
    const { joined, left, unknown } = changes;
    this.budgets.changedMemberships(context, joined.length + left.length);
    await this.quotas.admitStored(tx, context.tenantId, 'memberships', joined.length - left.length);
    const leftOut = [...malformed, ...unknown];
    context.leftOut = leftOut;
    tx.afterCommit(() => this.leftOut.inc(leftOut.length));
    let { version } = group;
    // One event at a time, so that other requests are served between the events of a very large change.
    for (const event of membersChanged(group, changes, cause)) {
      await this.outbox.add(tx, [event]);
      version = event.sequence;
    }
    if (version === group.version) return group;
    const next = { ...group, version, updatedAt: cause.at };
    await advanceGroup(tx, next);
    return next;
  }

  /** Runs a transaction again after a deadlock or a serialization failure. */
  private async transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.database.tx(work);
      } catch (error) {
        if (attempt >= ATTEMPTS || !/^40(001|P01)$/.test(sqlState(error) ?? '')) throw error;
      }
    }
  }
}

const attributesDiffer = (group: Group, { displayName, externalId }: GroupChange): boolean =>
  (displayName !== undefined && displayName !== group.displayName) ||
  (externalId !== undefined && externalId !== group.externalId);

/** Separates UUIDs from texts that are no UUID. The result contains each UUID once, in lower case. */
async function splitIds(sent: readonly string[]): Promise<{ ids: string[]; malformed: string[] }> {
  const ids = new Set<string>();
  const malformed: string[] = [];
  await inTurns(sent, (text) => {
    const id = resourceId(text);
    if (id === undefined) malformed.push(text);
    else ids.add(id);
  });
  return { ids: [...ids], malformed };
}

export const noSuchGroup = (id: string) =>
  new ScimError(
    404,
    `There is no group ${quote(id)} in this StackFlow instance. If it was deleted here, unlink the pushed group in the identity provider and push it again.`,
  );

const taken = (displayName: string) =>
  ScimError.of(
    'uniqueness',
    `Another group is already named ${quote(displayName)} (upper and lower case count as equal). Link the pushed group to the existing one, or rename one of the two.`,
  );
