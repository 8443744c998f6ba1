/** Pushes groups as Okta does. `members` are active people who are assigned to the app. */
import * as bodies from './bodies.js';
import type { Member } from './model.js';
import { idOf, type Json, type ScimSession } from './session.js';
import { findByName } from './users.js';

const mapping = (name: string, doing: string): string =>
  `Unable to update Group Push mapping target App group ${name}: Error while ${doing}`;
const pathOf = (id: string): string => `/Groups/${encodeURIComponent(id)}`;

/** Finds a group by name, then creates or links it. Returns the server's id. */
export async function pushGroup(session: ScimSession, name: string, members: readonly Member[]): Promise<string> {
  const found = await findByName(session, 'Groups', name, mapping(name, `searching for group ${name}`));
  const doing = mapping(name, 'creating user group');
  if (session.app.mode === 'aiw') {
    const id = found
      ? idOf(found, doing)
      : idOf((await session.send('POST', '/Groups', doing, bodies.createGroup(name, members))).body, doing);
    await readThenPut(session, id, name, members);
    return id;
  }
  if (found) {
    const id = idOf(found, doing);
    await patch(session, id, name, [bodies.renameGroup(id, name), ...bodies.overwriteMembers(members)]);
    return id;
  }
  const id = idOf((await session.send('POST', '/Groups', doing, bodies.createGroup(name, []))).body, doing);
  await patch(session, id, name, [bodies.renameGroup(id, name), ...bodies.changeMembers([], members)]);
  return id;
}

export async function pushNow(
  session: ScimSession,
  id: string,
  name: string,
  members: readonly Member[],
): Promise<void> {
  if (session.app.mode === 'aiw') await put(session, id, name, members);
  else await patch(session, id, name, bodies.overwriteMembers(members));
}

/**
 * A custom app (AIW) reads the group and sends the full list with PUT. A catalog app (OIN) renames the group to the
 * same name and sends the difference with PATCH.
 */
export async function changeMembers(
  session: ScimSession,
  id: string,
  name: string,
  change: { all: readonly Member[]; added: readonly Member[]; removed: readonly Member[] },
): Promise<void> {
  if (session.app.mode === 'aiw') await readThenPut(session, id, name, change.all);
  else
    await patch(session, id, name, [
      bodies.renameGroup(id, name),
      ...bodies.changeMembers(change.removed, change.added),
    ]);
}

export async function renameGroup(
  session: ScimSession,
  id: string,
  name: string,
  members: readonly Member[],
): Promise<void> {
  if (session.app.mode === 'aiw') await put(session, id, name, members);
  else await patch(session, id, name, [bodies.renameGroup(id, name)]);
}

export async function deleteGroup(session: ScimSession, id: string, name: string): Promise<void> {
  await session.send('DELETE', pathOf(id), mapping(name, 'deleting user group'), undefined, [404]);
}

async function readThenPut(session: ScimSession, id: string, name: string, members: readonly Member[]): Promise<void> {
  await session.send('GET', pathOf(id), mapping(name, 'reading user group'));
  await put(session, id, name, members);
}

async function put(session: ScimSession, id: string, name: string, members: readonly Member[]): Promise<void> {
  await session.send('PUT', pathOf(id), mapping(name, 'updating user group'), bodies.replaceGroup(id, name, members));
}

async function patch(session: ScimSession, id: string, name: string, patches: readonly Json[]): Promise<void> {
  for (const body of patches) await session.send('PATCH', pathOf(id), mapping(name, 'updating user group'), body);
}
