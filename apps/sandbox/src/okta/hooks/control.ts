/** `/sandbox/apps/<tenant>/event-hook`: connects the hook, disturbs it, lists its deliveries. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { parseControl } from '../../listener.js';
import type { OktaApp } from '../model.js';
import type { Okta } from '../okta.js';
import { eventTypes, logEvent } from './log-event.js';
import type { EventHook } from './hook-store.js';

const headerText = z
  .string()
  .min(1)
  .max(4096)
  .regex(/^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/, 'must fit into an HTTP header');
const eventName = z.string().regex(/^[a-z][a-z_.]{2,100}$/, 'must be an event type such as "user.lifecycle.suspend"');
const hookBody = z.object({
  url: z.url({ protocol: /^https?$/ }),
  secret: headerText,
  events: z
    .array(eventName)
    .min(1)
    .max(100)
    .default([...eventTypes]),
});
const knobs = z.object({
  duplicate: z.int().min(0).max(10).optional(),
  delayMs: z.int().min(0).max(600_000).optional(),
});
const forged = z
  .object({
    type: eventName,
    login: z.string().min(1).max(200).optional(),
    userId: z.string().min(1).max(200).optional(),
    published: z.iso.datetime().optional(),
    secret: headerText.optional(),
  })
  .refine((f) => f.login !== undefined || f.userId !== undefined, 'login or userId says whom it is about');

/** The secret can be written but never read. */
const view = ({ secret: _secret, ...hook }: EventHook): object => ({ ...hook, secret: '****' });

export function eventHookRoutes(
  app: FastifyInstance,
  { hooks, store }: Okta,
  tenantOf: (params: unknown) => Promise<OktaApp>,
): void {
  const path = '/sandbox/apps/:slug/event-hook';

  app.put(path, async (request) => {
    const { slug } = await tenantOf(request.params);
    return view(await hooks.register(slug, parseControl(hookBody, request.body)));
  });
  app.get(path, async (request) => {
    const hook = await hooks.find((await tenantOf(request.params)).slug);
    return { hook: hook && view(hook) };
  });
  app.delete(path, async (request) => {
    await hooks.remove((await tenantOf(request.params)).slug);
    return { hook: null };
  });
  app.put(`${path}/knobs`, async (request) =>
    hooks.turn((await tenantOf(request.params)).slug, parseControl(knobs, request.body)),
  );
  app.get(`${path}/deliveries`, async (request) => ({
    deliveries: hooks.deliveries((await tenantOf(request.params)).slug),
  }));
  app.post(`${path}/release`, async (request) => ({
    deliveries: await hooks.release((await tenantOf(request.params)).slug),
  }));
  app.post(`${path}/forge`, async (request) => {
    const tenant = await tenantOf(request.params);
    const { type, login, userId, published, secret } = parseControl(forged, request.body);
    const known = login === undefined ? undefined : await store.person(tenant.slug, login);
    const person = { id: userId ?? known?.id ?? '', login: known?.login ?? 'forged@example.com', profile: {} };
    const event = logEvent(type, person, tenant, published === undefined ? new Date() : new Date(published));
    return hooks.forge(tenant.slug, event, secret);
  });
}
