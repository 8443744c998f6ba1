/** What an Okta administrator does to a person, and the provisioning that follows. */
import { z } from 'zod';
import { profile, type Person } from './model.js';
import { deprovisionUser, provisionUser, updateUser } from './users.js';
import { verb, type Context, type Verb } from './verb.js';

const login = z.string().trim().min(1).max(200);
const aboutPerson = z.object({ login });
const personWithProfile = aboutPerson.extend({ profile: profile.default({}) });

const NOT_ASSIGNED = 'The person is not assigned to the app: Okta sends nothing.';

/** Suspension is a state inside Okta; no SCIM request follows ("nothing" in Okta's own table of calls). */
const NO_SCIM = 'Okta sends no SCIM request for this: the SCIM server keeps the user as they are.';

async function deprovision(context: Context, person: Person): Promise<string | null> {
  if (!person.assigned) return NOT_ASSIGNED;
  await context.store.saveAssignment(person.id, { assigned: false });
  if (person.remoteId === null) return 'The person was never created on the SCIM server: nothing to deactivate.';
  await deprovisionUser(context.session, person, person.remoteId);
  return null;
}

async function setStatus(
  context: Context,
  name: string,
  from: Person['status'],
  to: Person['status'],
): Promise<string> {
  const person = await context.store.person(context.app.slug, name);
  if (person.status !== from) return `The person is ${person.status}, not ${from}: nothing changed.`;
  await context.store.changePerson(person, { status: to });
  return `${from} -> ${to}. ${NO_SCIM}`;
}

export const peopleVerbs: Record<string, Verb> = {
  assign: verb(
    personWithProfile,
    (i) => i.login,
    async (context, input) => {
      const { store, app, session } = context;
      const found = await store.ensurePerson(
        app.slug,
        input.login,
        defaultNames(input.login, await store.findPerson(app.slug, input.login), input.profile),
      );
      if (found.status === 'SUSPENDED') return 'The person is SUSPENDED: Okta assigns only after "unsuspend".';
      if (found.status !== 'ACTIVE') await store.changePerson(found, { status: 'ACTIVE' });
      const person: Person = { ...found, status: 'ACTIVE' };
      await store.saveAssignment(person.id, { assigned: true });
      await store.saveAssignment(person.id, { assigned: true, remoteId: await provisionUser(session, person) });
      return null;
    },
  ),

  unassign: verb(
    aboutPerson,
    (i) => i.login,
    async (context, input) => deprovision(context, await context.store.person(context.app.slug, input.login)),
  ),

  update: verb(
    personWithProfile.extend({ newLogin: login.optional() }),
    (i) => i.login,
    async ({ store, app, session }, input) => {
      const before = await store.person(app.slug, input.login);
      await store.changePerson(before, { profile: input.profile, login: input.newLogin });
      const person = await store.person(app.slug, input.newLogin ?? input.login);
      if (!person.assigned || person.remoteId === null) return NOT_ASSIGNED;
      if (person.status !== 'ACTIVE') return `The person is ${person.status}: Okta pushes only active people.`;
      await updateUser(session, person, person.remoteId);
      return null;
    },
  ),

  deactivate: verb(
    aboutPerson,
    (i) => i.login,
    async (context, input) => {
      const person = await context.store.person(context.app.slug, input.login);
      await context.store.changePerson(person, { status: 'DEPROVISIONED' });
      return deprovision(context, person);
    },
  ),

  suspend: verb(
    aboutPerson,
    (i) => i.login,
    (context, input) => setStatus(context, input.login, 'ACTIVE', 'SUSPENDED'),
  ),
  unsuspend: verb(
    aboutPerson,
    (i) => i.login,
    (context, input) => setStatus(context, input.login, 'SUSPENDED', 'ACTIVE'),
  ),
};

/** Okta demands both names of a person; who is new and has none gets them from the login. */
function defaultNames(
  name: string,
  existing: Person | undefined,
  given: z.output<typeof profile>,
): z.output<typeof profile> {
  if (existing) return given;
  const [first = name, last = 'Person'] = (name.split('@')[0] ?? name).split(/[._-]+/).filter((part) => part !== '');
  return { firstName: first, lastName: last, ...given };
}
