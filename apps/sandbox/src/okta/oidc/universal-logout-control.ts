/** `/sandbox/apps/<tenant>/universal-logout`: sets the endpoint and sends a logout. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { parseControl } from '../../listener.js';
import type { OktaApp } from '../model.js';
import type { OktaStore } from '../store.js';
import type { ClientStore } from './clients.js';
import { logoutFaults, logoutTarget, type UniversalLogout } from './universal-logout.js';

const sendBody = z.object({
  login: z.string().min(1).max(200),
  /** The client whose app gets the logout. */
  label: z.string().default('stackflow'),
  fault: z.enum(logoutFaults).optional(),
});

export interface UniversalLogoutParts {
  readonly store: OktaStore;
  readonly clients: ClientStore;
  readonly logout: UniversalLogout;
}

export function universalLogoutRoutes(
  app: FastifyInstance,
  { store, clients, logout }: UniversalLogoutParts,
  tenantOf: (params: unknown) => Promise<OktaApp>,
): void {
  const path = '/sandbox/apps/:slug/universal-logout';

  app.put(path, async (request) => {
    const { slug } = await tenantOf(request.params);
    const target = parseControl(logoutTarget, request.body);
    await logout.save(slug, target);
    return { target };
  });
  app.get(path, async (request) => ({ target: await logout.find((await tenantOf(request.params)).slug) }));
  app.delete(path, async (request) => {
    await logout.remove((await tenantOf(request.params)).slug);
    return { target: null };
  });
  app.post(path, async (request) => {
    const { slug } = await tenantOf(request.params);
    const { login, label, fault } = parseControl(sendBody, request.body);
    return logout.send(await clients.byLabel(slug, label), await store.person(slug, login), fault);
  });
}
