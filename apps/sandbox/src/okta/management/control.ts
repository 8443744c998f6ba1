/** The routes `/sandbox/apps/<tenant>/api-token` and `/rate-limit` set tokens and limits of the org's API. */
import { z } from 'zod';
import { parseControl } from '../../listener.js';
import type { TenantRoute } from '../tenant-route.js';
import type { Management } from './api-call.js';

const tokenBody = z.object({ rights: z.enum(['admin', 'none']).default('admin') });
const rateBody = z.object({
  limit: z.int().min(0).max(1_000_000).optional(),
  windowSeconds: z.int().min(1).max(3_600).optional(),
});

export function managementControlRoutes(route: TenantRoute, { tokens, rates }: Management): void {
  route('post', '/api-token', async ({ slug, appId }, { body }) => ({
    appId,
    apiToken: await tokens.create(slug, parseControl(tokenBody, body).rights),
  }));
  route('delete', '/api-token', async ({ slug }) => {
    await tokens.revokeAll(slug);
    return { apiToken: null };
  });
  route('get', '/rate-limit', ({ slug }) => rates.of(slug));
  route('put', '/rate-limit', ({ slug }, { body }) => rates.set(slug, parseControl(rateBody, body)));
  route('delete', '/rate-limit', ({ slug }) => rates.set(slug));
}
