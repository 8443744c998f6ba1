/**
 * One request to the Management API: token, injected faults, rate limit, rights, answer, and an entry in the call log.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Database } from '#platform';
import { CallLog, wallClock } from '../../control/call-log.js';
import { Faults } from '../../control/faults.js';
import { ApiError } from './api-error.js';
import { ApiTokens, type Caller } from './api-tokens.js';
import { linkHeaders } from './paging.js';
import { RateLimits } from './rate-limits.js';

export interface Management {
  readonly database: Database;
  readonly tokens: ApiTokens;
  readonly rates: RateLimits;
  readonly faults: Faults;
  readonly calls: CallLog;
}

/** Tokens are stored in the database. Rate limits, faults and the call log end with the process. */
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
  /** The id of a resource inside the one that `id` names. */
  readonly inner: string;
  readonly query: Readonly<Record<string, unknown>>;
  /** Scheme and host in the caller's request. */
  readonly base: string;
}
export interface Page {
  readonly items: readonly object[];
  readonly next: string | null;
}
export type Answer = Page | { readonly one: object };

export class ApiCall {
  constructor(
    private readonly management: Management,
    private readonly operation: string,
    private readonly request: FastifyRequest,
    private readonly reply: FastifyReply,
  ) {}

  async run(handler: (asked: Asked) => Promise<Answer>): Promise<FastifyReply> {
    const at = wallClock();
    const { id = '', inner = '' } = this.request.params as { id?: string; inner?: string };
    let outcome = 'ok';
    let cut = false;
    try {
      const caller = await this.caller();
      const effects = this.management.faults.hit({ operation: this.operation, username: id });
      for (const fault of effects) if (fault.effect === 'latency') await sleep(fault.ms);
      cut = effects.some((f) => f.effect === 'disconnect' || f.effect === 'drop');
      if (cut) return this.hangUp();
      this.admit(
        caller,
        effects.some((f) => f.effect === 'throttle'),
      );
      const error = effects.find((f) => f.effect === 'error');
      if (error) throw new ApiError('E0000009', '', error.status);
      if (caller.rights === 'none' && this.operation !== 'getMe') throw new ApiError('E0000006');
      const base = `http://${this.request.headers.host ?? 'localhost'}`;
      const query = this.request.query as Record<string, unknown>;
      return this.answer(await handler({ caller, id, inner, query, base }), base);
    } catch (error) {
      outcome = error instanceof ApiError ? error.code : 'E0000009';
      throw error;
    } finally {
      const { operation } = this;
      const call = { at, endedAt: wallClock(), operation, subject: id || null, group: null };
      this.management.calls.add({ ...call, outcome: cut ? 'disconnect' : outcome, dropped: cut });
    }
  }

  private async caller(): Promise<Caller> {
    const header = this.request.headers.authorization;
    if (header === undefined) throw new ApiError('E0000005');
    const token = /^SSWS (\S{1,200})$/.exec(header)?.[1];
    const caller = token === undefined ? null : await this.management.tokens.find(token);
    if (!caller) throw new ApiError('E0000011');
    return caller;
  }

  /** Every answer carries these headers, refusals too. A refused request counts as well. */
  private admit(caller: Caller, throttled: boolean): void {
    const taken = this.management.rates.take(caller.slug, this.operation, Date.now());
    const refused = throttled || !taken.allowed;
    this.reply.headers({
      'x-rate-limit-limit': taken.limit,
      'x-rate-limit-remaining': refused ? 0 : taken.remaining,
      'x-rate-limit-reset': taken.reset,
    });
    if (refused) throw new ApiError('E0000047');
  }

  private answer(answer: Answer, base: string): FastifyReply {
    if ('one' in answer) return this.reply.send(answer.one);
    const links = linkHeaders(new URL(this.request.url, base), answer.next);
    return this.reply.header('link', links).send(answer.items);
  }

  private hangUp(): FastifyReply {
    this.reply.hijack();
    this.reply.raw.socket?.destroy();
    return this.reply;
  }
}
