/** `/sandbox/apps/<tenant>/api-token` and `/rate-limit`: an administrator's settings of the org's API. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { parseControl } from '../../listener.js';
import type { OktaApp } from '../model.js';
import type { Management } from './api-call.js';

const tokenBody = z.object({ rights: z.enum(['admin', 'none']).default('admin') });
const rateBody = z.object({
  limit: z.int().min(0).max(1_000_000).optional(),
  windowSeconds: z.int().min(1).max(3_600).optional(),
});

export function managementControlRoutes(
  app: FastifyInstance,
  { tokens, rates }: Management,
  tenantOf: (params: unknown) => Promise<OktaApp>,
): void {
  const path = '/sandbox/apps/:slug';

  app.post(`${path}/api-token`, async (request) => {
    const { slug, appId } = await tenantOf(request.params);
    return { appId, apiToken: await tokens.create(slug, parseControl(tokenBody, request.body).rights) };
  });
  app.delete(`${path}/api-token`, async (request) => {
    await tokens.revokeAll((await tenantOf(request.params)).slug);
    return { apiToken: null };
  });
  app.get(`${path}/rate-limit`, async (request) => rates.of((await tenantOf(request.params)).slug));
  app.put(`${path}/rate-limit`, async (request) =>
    rates.set((await tenantOf(request.params)).slug, parseControl(rateBody, request.body)),
  );
  app.delete(`${path}/rate-limit`, async (request) => rates.set((await tenantOf(request.params)).slug));
}
