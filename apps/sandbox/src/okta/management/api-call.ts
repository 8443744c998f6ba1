import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Database } from '#platform';
import { CallLog } from '../../control/call-log.js';
import { Faults } from '../../control/faults.js';
import { ApiError } from './api-error.js';
import { ApiTokens, type Caller } from './api-tokens.js';
import { linkHeaders } from './paging.js';
import { RateLimits, type Taken } from './rate-limits.js';

export interface Management {
  readonly database: Database;
  readonly tokens: ApiTokens;
  readonly rates: RateLimits;
  readonly faults: Faults;
  readonly calls: CallLog;
}

/**
 * State of the Management API. Tokens are stored in the database. Rate limits, faults and the call log are lost when
 * the process ends.
 */
export const createManagement = (database: Database): Management => ({
  database,
  tokens: new ApiTokens(database),
  rates: new RateLimits(),
  faults: new Faults(),
  calls: new CallLog(),
});

export interface Asked {
  readonly caller: Caller;
  readonly id: string;
  /** The second id in the path, for example the user in `/apps/:id/users/:inner`. */
  readonly inner: string;
  readonly query: Readonly<Record<string, unknown>>;
  /** Scheme and host of the request. */
  readonly base: string;
}
export interface Page {
  readonly items: readonly object[];
  readonly next: string | null;
}
export type Answer = Page | { readonly one: object };

/** Handles one request to the Management API. Throws an {@link ApiError} if the request is refused. */
export async function apiCall(
  management: Management,
  operation: string,
  request: FastifyRequest,
  reply: FastifyReply,
  handler: (asked: Asked) => Promise<Answer>,
): Promise<FastifyReply> {
  const at = Date.now();
  const { id = '', inner = '' } = request.params as { id?: string; inner?: string };
  const subject = inner || id;
  let outcome = 'ok';
  try {
    const caller = await authenticate(management, request.headers.authorization);
    const faults = management.faults.hit({ operation, username: subject });
    const has = (...effects: string[]): boolean => faults.some((fault) => effects.includes(fault.effect));
    for (const fault of faults) if (fault.effect === 'latency') await sleep(fault.ms);
    if (has('disconnect', 'drop')) {
      outcome = 'disconnect';
      reply.hijack();
      reply.raw.socket?.destroy();
      return reply;
    }
    countRequest(management.rates.take(caller.slug, operation, Date.now()), has('throttle'), reply);
    const error = faults.find((fault) => fault.effect === 'error');
    if (error) throw new ApiError('E0000009', '', error.status);
    if (caller.rights === 'none' && operation !== 'getMe') throw new ApiError('E0000006');
    const base = `http://${request.headers.host ?? 'localhost'}`;
    const query = request.query as Record<string, unknown>;
    const answer = await handler({ caller, id, inner, query, base });
    if ('one' in answer) return reply.send(answer.one);
    return reply.header('link', linkHeaders(new URL(request.url, base), answer.next)).send(answer.items);
  } catch (error) {
    outcome = error instanceof ApiError ? error.code : 'E0000009';
    throw error;
  } finally {
    const call = { at, endedAt: Date.now(), operation, subject: subject || null, group: null };
    management.calls.add({ ...call, outcome, dropped: outcome === 'disconnect' });
  }
}

async function authenticate({ tokens }: Management, header: string | undefined): Promise<Caller> {
  if (header === undefined) throw new ApiError('E0000005');
  const token = /^SSWS (\S{1,200})$/.exec(header)?.[1];
  const caller = token === undefined ? null : await tokens.find(token);
  if (!caller) throw new ApiError('E0000011');
  return caller;
}

/** Sets the rate-limit headers, also on an error answer. Refused requests count against the limit, too. */
function countRequest(taken: Taken, throttled: boolean, reply: FastifyReply): void {
  const refused = throttled || !taken.allowed;
  reply.headers({
    'x-rate-limit-limit': taken.limit,
    'x-rate-limit-remaining': refused ? 0 : taken.remaining,
    'x-rate-limit-reset': taken.reset,
  });
  if (refused) throw new ApiError('E0000047');
}
