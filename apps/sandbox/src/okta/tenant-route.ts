/** Registers control routes below `/sandbox/apps/<tenant>`. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { parseControl } from '../listener.js';
import type { OktaApp } from './model.js';

export type TenantRoute = (
  method: 'get' | 'put' | 'post' | 'delete',
  path: string,
  handler: (tenant: OktaApp, request: Pick<FastifyRequest, 'body' | 'query'>) => unknown,
) => void;

const slug = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be a tenant slug such as "default"');
export const slugIn = (params: unknown): string => parseControl(z.object({ slug }), params).slug;

export const headerText = z
  .string()
  .min(1)
  .max(4096)
  .regex(/^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/, 'must fit into an HTTP header');

export const tenantRoutes =
  (app: FastifyInstance, tenant: (slug: string) => Promise<OktaApp>): TenantRoute =>
  (method, path, handler) =>
    app[method](`/sandbox/apps/:slug${path}`, async (request) =>
      handler(await tenant(slugIn(request.params)), request),
    );
