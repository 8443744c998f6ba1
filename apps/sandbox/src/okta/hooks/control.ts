/** The routes `/sandbox/apps/<tenant>/event-hook` register the hook, disturb its deliveries and list them. */
import { z } from 'zod';
import { parseControl } from '../../listener.js';
import type { Okta } from '../okta.js';
import { headerText, type TenantRoute } from '../tenant-route.js';
import type { EventHook } from './event-hooks.js';
import { eventTypes, logEvent } from './log-event.js';

const eventName = z.string().regex(/^[a-z][a-z_.]{2,100}$/, 'must be an event type such as "user.lifecycle.suspend"');
const text = z.string().min(1).max(200).optional();
const events = z.array(eventName).min(1).max(100);
const hookBody = z.object({
  url: z.url({ protocol: /^https?$/ }),
  secret: headerText,
  events: events.default([...eventTypes]),
});
const knobs = z.object({
  duplicate: z.int().min(0).max(10).optional(),
  delayMs: z.int().min(0).max(600_000).optional(),
});
const forged = z
  .object({
    type: eventName,
    login: text,
    userId: text,
    published: z.iso.datetime().optional(),
    secret: headerText.optional(),
  })
  .refine((f) => f.login !== undefined || f.userId !== undefined, 'login or userId must name the user of the event');

/** The hook without its secret, which can be written but never read. */
const view = (hook: EventHook | null): object | null => hook && { ...hook, secret: '****' };

export function eventHookRoutes(route: TenantRoute, { hooks, store }: Okta): void {
  route('put', '/event-hook', async ({ slug }, { body }) =>
    view(await hooks.register(slug, parseControl(hookBody, body))),
  );
  route('get', '/event-hook', async ({ slug }) => ({ hook: view(await hooks.find(slug)) }));
  route('delete', '/event-hook', async ({ slug }) => {
    await hooks.remove(slug);
    return { hook: null };
  });
  route('put', '/event-hook/knobs', ({ slug }, { body }) => hooks.turn(slug, parseControl(knobs, body)));
  route('get', '/event-hook/deliveries', ({ slug }) => ({ deliveries: hooks.deliveries(slug) }));
  route('post', '/event-hook/release', async ({ slug }) => ({ deliveries: await hooks.release(slug) }));
  route('post', '/event-hook/forge', async (tenant, { body }) => {
    const { type, login, userId, published, secret } = parseControl(forged, body);
    const known = login === undefined ? undefined : await store.person(tenant.slug, login);
    const person = { id: userId ?? known?.id ?? '', login: known?.login ?? 'forged@example.com', profile: {} };
    const event = logEvent(type, person, tenant, published === undefined ? new Date() : new Date(published));
    return hooks.forge(tenant.slug, event, secret);
  });
}
