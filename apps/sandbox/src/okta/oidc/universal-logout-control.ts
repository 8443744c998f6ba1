/** The route `/sandbox/apps/<tenant>/universal-logout` sets the endpoint and sends a logout. */
import { z } from 'zod';
import { parseControl } from '../../listener.js';
import type { OktaStore } from '../store.js';
import type { TenantRoute } from '../tenant-route.js';
import type { ClientStore } from './clients.js';
import { logoutFaults, logoutTarget, type UniversalLogout } from './universal-logout.js';

const sendBody = z.object({
  login: z.string().min(1).max(200),
  /** Label of the client whose app gets the logout. */
  label: z.string().default('stackflow'),
  fault: z.enum(logoutFaults).optional(),
});

export function universalLogoutRoutes(
  route: TenantRoute,
  store: OktaStore,
  clients: ClientStore,
  logout: UniversalLogout,
): void {
  route('put', '/universal-logout', async ({ slug }, { body }) => {
    const target = parseControl(logoutTarget, body);
    await logout.save(slug, target);
    return { target };
  });
  route('get', '/universal-logout', async ({ slug }) => ({ target: await logout.find(slug) }));
  route('delete', '/universal-logout', async ({ slug }) => {
    await logout.remove(slug);
    return { target: null };
  });
  route('post', '/universal-logout', async ({ slug }, { body }) => {
    const { login, label, fault } = parseControl(sendBody, body);
    return logout.send(await clients.byLabel(slug, label), await store.person(slug, login), fault);
  });
}
