/** The bodies that Okta sends. Their keys have the same order as in recordings of Okta. */
import type { Member, Mode, Person } from './model.js';

type Json = Record<string, unknown>;

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

/**
 * The attributes that Okta maps from its profile. By default, a custom app (AIW) sends no display name, no locale and
 * no `type` of the e-mail address.
 */
function mapped(person: Person, mode: Mode): Json {
  const { firstName = '', lastName = '', email = person.login, title, department } = person.profile;
  const displayName = person.profile.displayName ?? (mode === 'oin' ? `${firstName} ${lastName}`.trim() : undefined);
  const locale = person.profile.locale ?? (mode === 'oin' ? 'en-US' : undefined);
  return {
    schemas: department === undefined ? [USER] : [USER, ENTERPRISE],
    userName: person.login,
    name: { givenName: firstName, familyName: lastName },
    emails: [{ primary: true, value: email, ...(mode === 'oin' ? { type: 'work' } : {}) }],
    ...(displayName === undefined ? {} : { displayName }),
    ...(locale === undefined ? {} : { locale }),
    ...(title === undefined ? {} : { title }),
    ...(department === undefined ? {} : { [ENTERPRISE]: { department } }),
    externalId: person.id,
    groups: [],
  };
}

export const createUser = (person: Person, mode: Mode, password: string): Json => ({
  ...mapped(person, mode),
  password,
  active: true,
});

/**
 * Builds the body of a PUT: the user that the server returned, overwritten with Okta's profile. Its keys are sorted,
 * and `groups` is empty.
 */
export function replaceUser(theirs: Json, person: Person, mode: Mode, active: boolean): Json {
  const ours = mapped(person, mode);
  const schemas = [...new Set([...list(theirs.schemas), ...list(ours.schemas)])];
  const extension = ours[ENTERPRISE]
    ? { [ENTERPRISE]: { ...object(theirs[ENTERPRISE]), ...object(ours[ENTERPRISE]) } }
    : {};
  return sorted({
    ...theirs,
    ...ours,
    schemas,
    name: { ...object(theirs.name), ...object(ours.name) },
    ...extension,
    active,
  }) as Json;
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const object = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}

const patch = (...Operations: Json[]): Json => ({ schemas: [PATCH], Operations });
const shown = (members: readonly Member[]): Json[] => members.map((m) => ({ value: m.remoteId, display: m.login }));

/** A catalog app (OIN) activates or deactivates a user with this PATCH. The operation has no `path`. */
export const setActive = (active: boolean): Json => patch({ op: 'replace', value: { active } });

export const createGroup = (displayName: string, members: readonly Member[]): Json => ({
  schemas: [GROUP],
  displayName,
  members: shown(members),
});

export const replaceGroup = (id: string, displayName: string, members: readonly Member[]): Json => ({
  schemas: [GROUP],
  id,
  displayName,
  members: shown(members),
});

/** Renames a group. Okta also sends this PATCH, with the unchanged name, before each change of members. */
export const renameGroup = (id: string, displayName: string): Json =>
  patch({ op: 'replace', value: { id, displayName } });

/** The default of the setting "Custom patch batch size" of a catalog app. */
const BATCH = 100;

/**
 * Each PATCH changes at most {@link BATCH} members, with one operation per removed member and one for all added
 * members.
 */
export function changeMembers(removed: readonly Member[], added: readonly Member[]): Json[] {
  const steps = [...removed.map((m) => ({ remove: m })), ...added.map((m) => ({ add: m }))];
  return chunks(steps).map((chunk) => {
    const removals = chunk.flatMap((s) =>
      'remove' in s ? [{ op: 'remove', path: `members[value eq "${s.remove.remoteId}"]` }] : [],
    );
    const additions = chunk.flatMap((s) => ('add' in s ? [s.add] : []));
    return patch(
      ...removals,
      ...(additions.length === 0 ? [] : [{ op: 'add', path: 'members', value: shown(additions) }]),
    );
  });
}

/**
 * Builds the PATCHes of "Push now". The first one replaces the members, and further ones add members. For an empty
 * group, Okta sends an empty list.
 */
export function overwriteMembers(members: readonly Member[]): Json[] {
  const [first = [], ...rest] = chunks(members);
  return [
    patch({ op: 'replace', path: 'members', value: shown(first) }),
    ...rest.flatMap((batch) => changeMembers([], batch)),
  ];
}

function chunks<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / BATCH) }, (_, i) => items.slice(i * BATCH, (i + 1) * BATCH));
}
