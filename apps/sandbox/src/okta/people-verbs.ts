import { z } from 'zod';
import { ControlError } from '../listener.js';
import type { EventType } from './hooks/log-event.js';
import { profile, type Person } from './model.js';
import { deprovisionUser, provisionUser, updateUser } from './users.js';
import { verb, type Context, type Verb } from './verb.js';

const login = z.string().trim().min(1).max(200);
const aboutPerson = z.object({ login });
const personWithProfile = aboutPerson.extend({ profile: profile.default({}) });

const NOT_ASSIGNED = 'The person is not assigned to the app, so Okta sends nothing.';

const NO_SCIM = 'Okta sends no SCIM request for this change, so the user on the SCIM server does not change.';

async function deprovision(context: Context, person: Person): Promise<string | null> {
  if (!person.assigned) return NOT_ASSIGNED;
  await context.store.saveAssignment(person.id, { assigned: false });
  context.emit('application.user_membership.remove', person);
  if (person.remoteId === null)
    return 'The person was never created on the SCIM server, so there is nothing to deactivate.';
  if (!context.app.deactivateUsers) return 'The app does not "Deactivate Users", so Okta sends no SCIM request.';
  await deprovisionUser(context.session, person, person.remoteId);
  return null;
}

const onPerson = (work: (context: Context, person: Person) => Promise<string | null>): Verb =>
  verb(aboutPerson, async (context, input) => work(context, await context.store.person(context.app.slug, input.login)));

/** Changes the status of a person in Okta only. Okta's documentation lists no SCIM request for this change. */
const moving = (from: Person['status'], to: Person['status'], event: EventType): Verb =>
  onPerson(async ({ store, emit }, person) => {
    if (person.status !== from) return `The person is ${person.status}, not ${from}, so nothing changed.`;
    await store.changePerson(person, { status: to });
    emit(event, person);
    return `${from} -> ${to}. ${NO_SCIM}`;
  });

export const peopleVerbs: Record<string, Verb> = {
  assign: verb(personWithProfile, async (context, input) => {
    const { store, app, session } = context;
    const before = await store.findPerson(app.slug, input.login);
    const found = await store.ensurePerson(app.slug, input.login, defaultNames(input.login, before, input.profile));
    if (found.status === 'SUSPENDED') return 'The person is SUSPENDED. Okta assigns the person only after "unsuspend".';
    if (!before) context.emit('user.lifecycle.create', found);
    if (before?.status !== 'ACTIVE') context.emit('user.lifecycle.activate', found);
    if (found.status !== 'ACTIVE') await store.changePerson(found, { status: 'ACTIVE' });
    const person: Person = { ...found, status: 'ACTIVE' };
    await store.saveAssignment(person.id, { assigned: true });
    if (!found.assigned) context.emit('application.user_membership.add', person);
    await store.saveAssignment(person.id, { assigned: true, remoteId: await provisionUser(session, person) });
    return null;
  }),

  unassign: onPerson(deprovision),

  update: verb(
    personWithProfile.extend({ newLogin: login.optional() }),
    async ({ store, app, session, emit }, input) => {
      const before = await store.person(app.slug, input.login);
      await store.changePerson(before, { profile: input.profile, login: input.newLogin });
      const person = await store.person(app.slug, input.newLogin ?? input.login);
      emit('user.account.update_profile', person);
      if (!person.assigned || person.remoteId === null) return NOT_ASSIGNED;
      if (person.status !== 'ACTIVE') return `The person is ${person.status}, and Okta pushes only active people.`;
      await updateUser(session, person, person.remoteId);
      return null;
    },
  ),

  deactivate: onPerson(async (context, person) => {
    if (person.status !== 'DEPROVISIONED') {
      await context.store.changePerson(person, { status: 'DEPROVISIONED' });
      context.emit('user.lifecycle.deactivate', person);
    }
    return deprovision(context, person);
  }),

  suspend: moving('ACTIVE', 'SUSPENDED', 'user.lifecycle.suspend'),
  unsuspend: moving('SUSPENDED', 'ACTIVE', 'user.lifecycle.unsuspend'),

  delete: onPerson(async (context, person) => {
    if (person.status !== 'DEPROVISIONED')
      throw new ControlError(
        409,
        `"${person.login}" is ${person.status}: Okta deletes only deactivated people; use "deactivate" first`,
      );
    await context.store.deletePerson(person);
    context.emit('user.lifecycle.delete.initiated', person);
    return `The person is deleted permanently. ${NO_SCIM}`;
  }),
};

/** Okta requires a first and a last name. If a new person has none, they are derived from the login. */
function defaultNames(
  name: string,
  existing: Person | undefined,
  given: z.output<typeof profile>,
): z.output<typeof profile> {
  if (existing) return given;
  const [first = name, last = 'Person'] = (name.split('@')[0] ?? name).split(/[._-]+/).filter((part) => part !== '');
  return { firstName: first, lastName: last, ...given };
}
