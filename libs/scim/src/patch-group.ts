import { quote, ScimError } from './errors.js';
import type { Filter } from './filter.js';
import { LIMITS } from './limits.js';
import { resolvePath } from './path.js';
import { filterOnSingleValue, type PatchOperation, type PatchPath, type PatchVerb } from './patch.js';
import { parseMemberIds, parseValue, requireObject } from './resource.js';
import { commonAttributes, findAttribute, groupSchema, type Attribute } from './schema.js';
import { inTurns } from './turns.js';

/**
 * The change of a group. `add` and `remove` never share an id, and both are empty if `replaceAll` is set. Ids are not
 * checked yet.
 */
export interface GroupChange {
  readonly displayName?: string;
  /** The new external id. Null removes it. */
  readonly externalId?: string | null;
  readonly replaceAll: readonly string[] | null;
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

/**
 * Reduces a PATCH (RFC 7644 section 3.5.2) to one change. The current members need not be known. If several operations
 * are about one member, the last one wins.
 */
export async function reduceGroupPatch(operations: readonly PatchOperation[]): Promise<GroupChange> {
  const fold = new Fold();
  for (const { op, path, value } of operations) {
    if (path) await fold.atPath(op, path, value);
    else await fold.withoutPath(op, requireObject(value, '"value"'));
  }
  return fold.result();
}

class Fold {
  private displayName: string | undefined;
  private externalId: string | null | undefined;
  private all: Set<string> | null = null;
  private readonly add = new Set<string>();
  private readonly remove = new Set<string>();

  result(): GroupChange {
    return {
      ...(this.displayName !== undefined && { displayName: this.displayName }),
      ...(this.externalId !== undefined && { externalId: this.externalId }),
      replaceAll: this.all && [...this.all],
      add: [...this.add],
      remove: [...this.remove],
    };
  }

  /**
   * Applies an operation without a path. Okta renames with `{id, displayName}`. The id and unknown attributes are
   * ignored.
   */
  async withoutPath(op: PatchVerb, value: Record<string, unknown>): Promise<void> {
    for (const key of Object.keys(value)) {
      const attribute = findAttribute(groupSchema.attributes, key);
      if (attribute) await this.apply(op, attribute, undefined, value[key]);
    }
  }

  async atPath(op: PatchVerb, { path, filter, text }: PatchPath, value: unknown): Promise<void> {
    const target = resolvePath(groupSchema, path, commonAttributes);
    if (!target) throw ScimError.of('invalidPath', `A group has no attribute ${quote(text)}.`);
    if (target.attribute.mutability !== 'readWrite')
      throw ScimError.of('mutability', `${quote(text)} is set by the server and cannot be changed.`);
    if (filter && target.attribute.name !== 'members') throw filterOnSingleValue(target.attribute);
    if (target.subAttribute) {
      // Entra ID may set `members[value eq "x"].display`. The value is ignored, because this server always returns the
      // userName.
      if (target.subAttribute.mutability === 'readOnly') return;
      throw ScimError.of(
        'mutability',
        'The id of a member cannot be changed; remove the member and add the other one.',
      );
    }
    if (op !== 'remove' && value === undefined && !filter)
      throw ScimError.of('invalidValue', `The operation on ${quote(text)} needs a "value".`);
    await this.apply(op, target.attribute, filter, value);
  }

  private async apply(op: PatchVerb, attribute: Attribute, filter: Filter | undefined, value: unknown): Promise<void> {
    if (attribute.name === 'members') await this.changeMembers(op, filter, value);
    else if (attribute.name === 'externalId')
      this.externalId = op === 'remove' ? null : (parseValue(attribute, value) as string | null);
    else this.displayName = op === 'remove' ? noName() : this.name(parseValue(attribute, value));
  }

  private name(value: unknown): string {
    return typeof value === 'string' && value.trim() !== '' ? value : noName();
  }

  private async changeMembers(op: PatchVerb, filter: Filter | undefined, value: unknown): Promise<void> {
    if (filter) {
      // Some clients send `add members[value eq "x"]` without a value, and mean the member x.
      const ids = idsOf(filter);
      if (op === 'replace')
        throw ScimError.of(
          'invalidPath',
          'A single member cannot be replaced; remove the member and add the other one.',
        );
      return op === 'add' ? this.addAll(ids) : this.removeAll(ids);
    }
    if (op === 'add') return this.addAll(await parseMemberIds(value, LIMITS.patchValues));
    // Entra ID lists the members to remove in `value`. Without a value, all members are removed.
    if (op === 'remove' && value !== undefined && value !== null)
      return this.removeAll(await parseMemberIds(value, LIMITS.patchValues));
    this.all = new Set(op === 'remove' ? [] : await parseMemberIds(value, LIMITS.patchValues));
    this.add.clear();
    this.remove.clear();
  }

  private addAll(ids: readonly string[]): Promise<void> {
    return inTurns(ids, (id) => {
      if (this.all) this.all.add(id);
      else {
        this.remove.delete(id);
        this.add.add(id);
      }
    });
  }

  private removeAll(ids: readonly string[]): Promise<void> {
    return inTurns(ids, (id) => {
      if (this.all) this.all.delete(id);
      else {
        this.add.delete(id);
        this.remove.add(id);
      }
    });
  }
}

function noName(): never {
  throw ScimError.of('invalidValue', 'displayName cannot be removed or emptied. A group needs a name.');
}

/** Returns the ids in `value eq "a"`, or in several such terms joined by `or`. */
function idsOf(filter: Filter): string[] {
  if (filter.kind === 'or') return [...idsOf(filter.left), ...idsOf(filter.right)];
  if (
    filter.kind === 'compare' &&
    filter.operator === 'eq' &&
    filter.path.attribute.toLowerCase() === 'value' &&
    typeof filter.value === 'string'
  )
    return [filter.value];
  throw ScimError.of(
    'invalidFilter',
    'Members can be selected only by id: members[value eq "<id>"]. Join several ids with "or".',
  );
}
