/** Provisions users with the same requests as Okta, in the same order. */
import * as bodies from './bodies.js';
import { randomPassword, type Person } from './model.js';
import { idOf, ProvisioningFailure, resources, type Json, type ScimSession } from './session.js';

const filterPath = (resource: 'Users' | 'Groups', attribute: string, value: string): string =>
  `/${resource}?filter=${encodeURIComponent(`${attribute} eq ${JSON.stringify(value)}`)}&startIndex=1&count=100`;

export async function findByName(
  session: ScimSession,
  resource: 'Users' | 'Groups',
  name: string,
  doing: string,
): Promise<Json | undefined> {
  const attribute = resource === 'Users' ? 'userName' : 'displayName';
  const answer = await session.send('GET', filterPath(resource, attribute, name), doing, undefined, [404]);
  return resources(answer).items[0];
}

/** Tests the connection. Okta sends this request for "Test connector", and when an administrator saves the settings. */
export async function testConnection(session: ScimSession): Promise<void> {
  resources(await session.send('GET', '/Users?startIndex=1&count=2', 'Error authenticating'));
}

/**
 * Looks up a user by name, then creates or activates it. Returns the server's id. A catalog app (OIN) sends PATCH to
 * activate a user whose id it already knows. In all other cases the app sends PUT.
 */
export async function provisionUser(session: ScimSession, person: Person): Promise<string> {
  const { mode } = session.app;
  const found = await findByName(
    session,
    'Users',
    person.login,
    `Error while verifying if user ${person.login} exists`,
  );
  if (!found) {
    const doing = `Error while creating user ${person.login}`;
    const { body } = await session.send('POST', '/Users', doing, bodies.createUser(person, mode, randomPassword()));
    if (!body) throw new ProvisioningFailure('Create new user returned empty user.');
    return idOf(body, doing);
  }
  const id = idOf(found, `Error while verifying if user ${person.login} exists`);
  if (mode === 'oin' && id === person.remoteId) await patchActive(session, person, id, true);
  else await putUser(session, person, id, true);
  return id;
}

/** For a profile push, both kinds of app read the user and send the whole user back with PUT. */
export async function updateUser(session: ScimSession, person: Person, id: string): Promise<void> {
  await putUser(session, person, id, true);
}

/** Deactivates a user. Okta never sends DELETE. */
export async function deprovisionUser(session: ScimSession, person: Person, id: string): Promise<void> {
  if (session.app.mode === 'oin') await patchActive(session, person, id, false);
  else await putUser(session, person, id, false);
}

async function patchActive(session: ScimSession, person: Person, id: string, active: boolean): Promise<void> {
  await session.send(
    'PATCH',
    `/Users/${encodeURIComponent(id)}`,
    `Error while ${active ? 'reactivating' : 'deactivating'} user ${person.login}`,
    bodies.setActive(active),
  );
}

async function putUser(session: ScimSession, person: Person, id: string, active: boolean): Promise<void> {
  const path = `/Users/${encodeURIComponent(id)}`;
  const { body = {} } = await session.send('GET', path, `Error while reading user ${person.login}`);
  await session.send(
    'PUT',
    path,
    `Error while ${active ? 'updating' : 'deactivating'} user ${person.login}`,
    bodies.replaceUser(body, person, session.app.mode, active),
  );
}

export interface Imported {
  readonly users: number;
  readonly groups: number;
  /** Number of inactive users, which Okta reads but does not import. */
  readonly inactive: number;
}

export async function importAll(session: ScimSession): Promise<Imported> {
  const users = await allPages(session, 'Users');
  const groups = session.app.importGroups ? await allPages(session, 'Groups') : [];
  const active = users.filter((u) => u.active !== false);
  for (const resource of [...active, ...groups]) idOf(resource, 'Import');
  return { users: active.length, groups: groups.length, inactive: users.length - active.length };
}

const PAGE = 100;

/** Reads all pages. `startIndex` grows by the requested count until it reaches `totalResults`. */
async function allPages(session: ScimSession, resource: 'Users' | 'Groups'): Promise<Json[]> {
  const all: Json[] = [];
  for (let start = 1; ; start += PAGE) {
    const { items, total } = resources(
      await session.send(
        'GET',
        `/${resource}?startIndex=${start}&count=${PAGE}`,
        `Error while importing ${resource.toLowerCase()}`,
      ),
    );
    all.push(...items);
    if (start + PAGE > total || items.length === 0) return all;
  }
}
