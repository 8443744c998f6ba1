/** The bodies that Okta sends, with keys in the recorded order. Pure. */
import type { Member, Mode, Person } from './model.js';

type Json = Record<string, unknown>;

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

/**
 * Attributes that Okta maps from its profile. A custom app (AIW) without a mapping of the e-mail type sends no `type`,
 * no display name and no locale.
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

/** A PUT carries the server's own GET body, overwritten with Okta's profile, keys sorted. `groups` is always empty. */
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

/** Catalog apps (OIN) activate and deactivate a user with a PATCH that has no path. */
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

/** Sent before each change of members too, with an unchanged name. */
export const renameGroup = (id: string, displayName: string): Json =>
  patch({ op: 'replace', value: { id, displayName } });

/** "Custom patch batch size" of a catalog app, default value. */
const BATCH = 100;

/** One operation for each removal and one for all additions; at most {@link BATCH} members in a PATCH. */
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

/** "Push now": the first batch replaces, further batches add. An empty group is pushed as an empty list. */
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
