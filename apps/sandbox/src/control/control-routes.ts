/** The routes `/sandbox/*` that every stand-in has: faults and the call log. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { parseControl } from '../listener.js';
import type { CallLog } from './call-log.js';
import { faultRule, type Faults } from './faults.js';

const callQuery = z.object({
  subject: z.string().optional(),
  operation: z.string().optional(),
  since: z.coerce.number().optional(),
  limit: z.coerce.number().int().min(1).max(50_000).default(10_000),
});

export function controlRoutes(app: FastifyInstance, faults: Faults, calls: CallLog): void {
  app.get('/sandbox/faults', () => ({ faults: faults.list() }));
  app.post('/sandbox/faults', (request) => {
    faults.add(parseControl(faultRule, request.body));
    return { faults: faults.list() };
  });
  app.delete('/sandbox/faults', () => {
    faults.reset();
    return { faults: [] };
  });

  app.get('/sandbox/calls', (request) => {
    const { limit, ...query } = parseControl(callQuery, request.query);
    return { calls: calls.find(query, limit) };
  });
  app.get('/sandbox/calls/summary', () => ({ summary: calls.summary() }));
  app.delete('/sandbox/calls', () => {
    calls.clear();
    return { calls: [] };
  });
}
