import { z } from 'zod';
import { ControlError } from '../listener.js';
import * as push from './groups.js';
import type { Group, Person } from './model.js';
import { verb, type Context, type Verb } from './verb.js';

const group = z.string().trim().min(1).max(255);
const logins = z.array(z.string().trim().min(1)).max(100_000);
const aboutGroup = z.object({ group });
const withMembers = aboutGroup.extend({ members: logins.min(1) });

const NOT_PUSHED = 'The group is not pushed, so Okta sends nothing. To push it, use "push-group".';
const IN_ERROR = 'The push of this group is in state ERROR, so Okta sends nothing. To repeat it, use "push-now".';

async function peopleOf(context: Context, names: readonly string[]): Promise<Person[]> {
  const known = new Map((await context.store.people(context.app.slug)).map((p) => [p.login.toLowerCase(), p]));
  const missing = names.filter((n) => !known.has(n.toLowerCase()));
  if (missing.length > 0)
    throw new ControlError(
      404,
      `unknown in the sandbox Okta of tenant "${context.app.slug}": ${missing.slice(0, 10).join(', ')}; "assign" creates people`,
    );
  return names.map((n) => known.get(n.toLowerCase()) as Person);
}

/** If a push fails, Okta sends nothing more for this group until "Push now". */
async function pushing(context: Context, target: Group, work: () => Promise<string | null>): Promise<void> {
  try {
    await context.store.savePush(target, await work(), 'ACTIVE');
  } catch (error) {
    await context.store.savePush(target, null, 'ERROR');
    throw error;
  }
}

async function pushWhole(context: Context, target: Group): Promise<null> {
  const members = await context.store.pushedMembers(target);
  const remoteId = target.push?.remoteId ?? null;
  await pushing(context, target, async () => {
    if (remoteId === null) return push.pushGroup(context.session, target.name, members);
    await push.pushNow(context.session, remoteId, target.name, members);
    return remoteId;
  });
  return null;
}

/** Returns the group's id on the SCIM server, or the reason why Okta sends nothing for this group. */
const pushed = ({ push: mapping }: Group): { remark: string } | { remoteId: string } =>
  !mapping?.remoteId
    ? { remark: NOT_PUSHED }
    : mapping.status === 'ERROR'
      ? { remark: IN_ERROR }
      : { remoteId: mapping.remoteId };

async function changed(
  context: Context,
  target: Group,
  people: readonly Person[],
  kind: 'added' | 'removed',
  ids: ReadonlySet<string>,
): Promise<string | null> {
  const state = pushed(target);
  if ('remark' in state) return state.remark;
  const sent = people.flatMap((p) =>
    ids.has(p.id) && p.assigned && p.remoteId !== null && p.status === 'ACTIVE'
      ? [{ login: p.login, remoteId: p.remoteId }]
      : [],
  );
  if (sent.length === 0)
    return 'None of these people is an active, assigned member whose membership changed, so Okta sends nothing.';
  const all = await context.store.pushedMembers(target);
  const change = { all, added: [], removed: [], [kind]: sent };
  await pushing(context, target, async () => {
    await push.changeMembers(context.session, state.remoteId, target.name, change);
    return state.remoteId;
  });
  return null;
}

const onGroup = <I extends { readonly group: string }>(
  shape: z.ZodType<I>,
  work: (context: Context, target: Group, input: I) => Promise<string | null>,
): Verb =>
  verb(shape, async (context, input) => work(context, await context.store.group(context.app.slug, input.group), input));

export const groupVerbs: Record<string, Verb> = {
  'push-group': verb(aboutGroup.extend({ members: logins.default([]) }), async (context, input) => {
    const people = await peopleOf(context, input.members);
    const target = await context.store.ensureGroup(context.app.slug, input.group);
    await context.store.addMembers(target, people);
    return pushWhole(context, target);
  }),

  'push-now': onGroup(aboutGroup, async (context, target) => (target.push ? pushWhole(context, target) : NOT_PUSHED)),

  'rename-group': onGroup(aboutGroup.extend({ newName: group }), async (context, target, { newName }) => {
    await context.store.renameGroup(target, newName);
    const state = pushed(target);
    if ('remark' in state) return state.remark;
    const members = await context.store.pushedMembers(target);
    await pushing(context, target, async () => {
      await push.renameGroup(context.session, state.remoteId, newName, members);
      return state.remoteId;
    });
    return null;
  }),

  'add-member': verb(withMembers, async (context, input) => {
    const target = await context.store.ensureGroup(context.app.slug, input.group);
    const people = await peopleOf(context, input.members);
    return changed(context, target, people, 'added', await context.store.addMembers(target, people));
  }),

  'remove-member': onGroup(withMembers, async (context, target, { members }) => {
    const people = await peopleOf(context, members);
    return changed(context, target, people, 'removed', await context.store.removeMembers(target, people));
  }),

  'unlink-group': onGroup(aboutGroup.extend({ delete: z.boolean().default(true) }), async (context, target, input) => {
    if (!target.push) return NOT_PUSHED;
    await context.store.unlink(target);
    const { remoteId } = target.push;
    if (!input.delete) return 'The group is unlinked. Okta sends nothing, and the group remains on the SCIM server.';
    if (remoteId !== null) await push.deleteGroup(context.session, remoteId, target.name);
    return null;
  }),
};
