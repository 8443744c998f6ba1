/** Builds the events about a group. Each event raises the group's version by one. */
import type { NewEvent } from '#event-bus';
import { MEMBERS_PER_EVENT, type DirectoryGroup } from '#events';
import { directoryEvent, type Cause } from '../events.js';
import type { Group } from './group.entity.js';

export const directoryGroup = ({ id, displayName, externalId, version }: Group): DirectoryGroup => ({
  id,
  displayName,
  externalId,
  version,
});

export const groupCreated = (group: Group, cause: Cause): NewEvent =>
  directoryEvent('com.stackflow.directory.group.created.v1', group, { group: directoryGroup(group) }, cause);

export const groupRenamed = (group: Group, previousDisplayName: string, cause: Cause): NewEvent =>
  directoryEvent(
    'com.stackflow.directory.group.renamed.v1',
    group,
    { group: directoryGroup(group), previousDisplayName },
    cause,
  );

export const groupDeleted = (group: Group, cause: Cause): NewEvent =>
  directoryEvent('com.stackflow.directory.group.deleted.v1', group, { group: directoryGroup(group) }, cause);

/** Yields as many events as the change needs. The first one has the version after `group`'s. */
export function* membersChanged(
  group: Group,
  { joined, left }: { readonly joined: readonly string[]; readonly left: readonly string[] },
  cause: Cause,
): Generator<NewEvent, void, void> {
  const total = joined.length + left.length;
  for (let start = 0; start < total; start += MEMBERS_PER_EVENT) {
    const end = start + MEMBERS_PER_EVENT;
    const next = { ...group, version: group.version + 1 + start / MEMBERS_PER_EVENT };
    const data = {
      group: directoryGroup(next),
      joined: joined.slice(start, end),
      left: left.slice(Math.max(0, start - joined.length), Math.max(0, end - joined.length)),
    };
    yield directoryEvent('com.stackflow.directory.group.members-changed.v1', next, data, cause);
  }
}
