/** Injected faults of the provider's endpoints. They are lost when the process ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { serverIds } from './model.js';
import { tokenFaultDetails, tokenFaults } from './token-faults.js';

const endpointFaults = ['garbage', 'cut-json', 'error', 'hang-up', 'redirect', 'slow'] as const;
export type EndpointFault = (typeof endpointFaults)[number];
const isEndpointFault = (fault: string): fault is EndpointFault => endpointFaults.some((f) => f === fault);

const common = {
  times: z.int().min(1).max(1_000_000).default(1),
  /** For the fault `slow`: milliseconds before the correct answer. */
  ms: z.int().min(0).max(600_000).default(30_000),
};

/** A fault of the token endpoint for one client. */
export const clientFault = tokenFaultDetails.extend({
  ...common,
  fault: z.enum([...tokenFaults, ...endpointFaults, 'no-id-token']),
  /** For a fault inside a token: the token that gets the fault. */
  token: z.enum(['id_token', 'access_token']).default('id_token'),
});
export type ClientFault = z.output<typeof clientFault>;

/** A fault of a server's key set or metadata. */
export const serverFault = z.object({
  ...common,
  server: z.enum(serverIds).default('org'),
  endpoint: z.enum(['keys', 'metadata']).default('keys'),
  fault: z.enum([...endpointFaults, 'wrong-issuer', 'no-pkce']),
});
export type ServerFault = z.output<typeof serverFault>;

/**
 * Injected faults in one queue per key. Each answer takes the first fault of its queue. A fault hits `times` answers.
 */
export class FaultQueue<F extends { readonly times: number }> {
  private readonly queues = new Map<string, F[]>();

  add(key: string, fault: F): void {
    this.queues.set(key, [...this.list(key), fault]);
  }

  take(key: string): F | undefined {
    const [first, ...rest] = this.list(key);
    if (!first) return undefined;
    this.queues.set(key, first.times > 1 ? [{ ...first, times: first.times - 1 }, ...rest] : rest);
    return first;
  }

  list(key: string): readonly F[] {
    return this.queues.get(key) ?? [];
  }

  all(): readonly F[] {
    return [...this.queues.values()].flat();
  }

  clear(key: string): void {
    this.queues.delete(key);
  }

  clearAll(): void {
    this.queues.clear();
  }
}

/** Applies a fault. Returns true if the fault has sent the answer. `elsewhere` is the target of a redirect. */
export async function disturb(
  reply: FastifyReply,
  order: { readonly fault: string; readonly ms: number } | undefined,
  elsewhere: string,
): Promise<boolean> {
  if (!order || !isEndpointFault(order.fault)) return false;
  if (order.fault === 'slow') {
    await sleep(order.ms, undefined, { ref: false });
    return false;
  }
  answers[order.fault](reply, elsewhere);
  return true;
}

const answers: Record<Exclude<EndpointFault, 'slow'>, (reply: FastifyReply, elsewhere: string) => void> = {
  garbage: (reply) => void reply.type('text/html').send('<!doctype html><title>Maintenance</title><p>Back soon.'),
  'cut-json': (reply) => void reply.type('application/json').send('{"access_token":"eyJ'),
  error: (reply) => void reply.status(500).send({ errorCode: 'E0000009', errorSummary: 'Internal Server Error' }),
  'hang-up': (reply) => {
    reply.hijack();
    reply.raw.socket?.destroy();
  },
  // Status 307 keeps the body, so a client that follows the redirect sends its secret to the other address.
  redirect: (reply, elsewhere) => void reply.redirect(elsewhere, 307),
};
