/**
 * The event hooks of the sandbox Okta. Deliveries exist only in memory, so delayed ones are lost when the process ends.
 * The real Okta promises at-least-once delivery.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '#platform';
import { ControlError } from '../../listener.js';
import { oktaId } from '../model.js';
import { hookBody, type HookBody, type LogEvent } from './log-event.js';
import { send, type Attempt } from './sender.js';

/** The only event hook of a tenant's org. */
export interface EventHook {
  readonly id: string;
  readonly url: string;
  /** The secret is the whole value of the `Authorization` header. */
  readonly secret: string;
  readonly events: readonly string[];
}

/** How the sandbox disturbs a tenant's deliveries. */
export interface Knobs {
  /** Number of copies that follow each delivery. */
  readonly duplicate: number;
  /** Delay of each delivery in milliseconds. If it is set back to 0, the next delivery overtakes the delayed ones. */
  readonly delayMs: number;
}
const UNDISTURBED: Knobs = { duplicate: 0, delayMs: 0 };

export interface Delivery {
  readonly eventId: string;
  readonly url: string;
  readonly events: readonly { readonly type: string; readonly login: string }[];
  /**
   * `refused` means that the endpoint answered 4xx, so Okta does not repeat the request. `failed` means that both
   * attempts got no answer or a 5xx.
   */
  readonly state: 'waiting' | 'delivered' | 'refused' | 'failed';
  readonly attempts: readonly Attempt[];
}

type MutableDelivery = { -readonly [K in keyof Delivery]: Delivery[K] };
const MAX_DELIVERIES = 500;

interface Waiting {
  readonly slug: string;
  readonly wake: () => void;
  readonly done: Promise<Delivery>;
}

export class EventHooks {
  private readonly knobs = new Map<string, Knobs>();
  private readonly log = new Map<string, MutableDelivery[]>();
  private readonly waiting = new Set<Waiting>();
  private readonly stopping = new AbortController();

  constructor(private readonly database: Database) {}

  /** Verifies the endpoint once, as Okta does, then stores the hook. A wrong answer changes nothing. */
  async register(slug: string, asked: Omit<EventHook, 'id'>): Promise<EventHook> {
    const challenge = randomUUID();
    const headers = { authorization: asked.secret, 'x-okta-verification-challenge': challenge };
    const sent = await send({ method: 'GET', url: asked.url, headers }, this.stopping.signal);
    if (!sent.ok || verificationIn(sent.text) !== challenge) {
      const last = sent.attempts.at(-1);
      throw new ControlError(
        400,
        `the event hook was not verified: GET ${asked.url} must answer 200 with {"verification": "<the x-okta-verification-challenge header>"}; it answered ${last?.status ?? last?.error}`,
      );
    }
    const hook = { id: oktaId('who'), ...asked };
    await this.database.query(
      `insert into okta_event_hook (slug, id, url, secret, events) values ($1, $2, $3, $4, $5)
       on conflict (slug) do update set id = excluded.id, url = excluded.url, secret = excluded.secret, events = excluded.events`,
      [slug, hook.id, hook.url, hook.secret, hook.events],
    );
    return hook;
  }

  async find(slug: string): Promise<EventHook | null> {
    const text = 'select id, url, secret, events from okta_event_hook where slug = $1';
    return (await this.database.query<EventHook>(text, [slug]))[0] ?? null;
  }

  async remove(slug: string): Promise<void> {
    await this.database.query('delete from okta_event_hook where slug = $1', [slug]);
  }

  turn(slug: string, knobs: Partial<Knobs>): Knobs {
    const turned = { ...(this.knobs.get(slug) ?? UNDISTURBED), ...knobs };
    this.knobs.set(slug, turned);
    return turned;
  }

  deliveries(slug: string): readonly Delivery[] {
    return this.log.get(slug) ?? [];
  }

  /**
   * Delivers the events to which the hook subscribed, in one request. Waits for the answer, unless the delivery is
   * delayed.
   */
  async deliver(slug: string, events: readonly LogEvent[]): Promise<readonly Delivery[]> {
    const hook = await this.find(slug);
    const wanted = events.filter((e) => hook?.events.includes(e.eventType));
    if (!hook || wanted.length === 0) return [];
    const { duplicate, delayMs } = this.knobs.get(slug) ?? UNDISTURBED;
    const body = hookBody(hook.id, wanted, new Date());
    const results: Delivery[] = [];
    for (let copy = 0; copy <= duplicate; copy++) results.push(await this.start(slug, hook, body, delayMs));
    return results;
  }

  /** Sends an event that did not happen in the org. If `secret` is given, it replaces the hook's secret. */
  async forge(slug: string, event: LogEvent, secret?: string): Promise<Delivery> {
    const hook = await this.find(slug);
    if (!hook)
      throw new ControlError(
        404,
        `tenant "${slug}" has no event hook; create it with PUT /sandbox/apps/${slug}/event-hook`,
      );
    const body = hookBody(hook.id, [event], new Date());
    return this.start(slug, secret === undefined ? hook : { ...hook, secret }, body, 0);
  }

  async release(slug: string): Promise<readonly Delivery[]> {
    const held = [...this.waiting].filter((w) => w.slug === slug);
    for (const { wake } of held) wake();
    return Promise.all(held.map((w) => w.done));
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    const held = [...this.waiting];
    for (const { wake } of held) wake();
    await Promise.all(held.map((w) => w.done));
  }

  /** Starts a delivery. Resolves when its request is done, or at once if the delivery is delayed. */
  private async start(slug: string, hook: EventHook, body: HookBody, delayMs: number): Promise<Delivery> {
    const delivery = initial(hook, body);
    const kept = this.log.get(slug) ?? [];
    this.log.set(slug, kept);
    kept.push(delivery);
    if (kept.length > MAX_DELIVERIES) kept.shift();
    if (delayMs === 0) return this.post(hook, body, delivery);
    const alarm = new AbortController();
    const done = sleep(delayMs, undefined, { signal: alarm.signal })
      .catch(() => undefined)
      .then(() => (this.stopping.signal.aborted ? delivery : this.post(hook, body, delivery)))
      .finally(() => this.waiting.delete(waiting));
    const waiting: Waiting = { slug, wake: () => alarm.abort(), done };
    this.waiting.add(waiting);
    return delivery;
  }

  private async post(hook: EventHook, body: HookBody, delivery: MutableDelivery): Promise<Delivery> {
    const headers = { authorization: hook.secret, 'user-agent': 'Okta Hooks' };
    const request = { method: 'POST' as const, url: hook.url, headers, body: JSON.stringify(body) };
    const { attempts, ok } = await send(request, this.stopping.signal);
    const answered = attempts.at(-1)?.status ?? null;
    const state = ok ? 'delivered' : answered !== null && answered < 500 ? 'refused' : 'failed';
    return Object.assign(delivery, { attempts, state });
  }
}

const initial = (hook: EventHook, body: HookBody): MutableDelivery => ({
  eventId: body.eventId,
  url: hook.url,
  events: body.data.events.map((e) => ({ type: e.eventType, login: loginOf(e) })),
  state: 'waiting',
  attempts: [],
});

function loginOf(event: LogEvent): string {
  const [target] = Array.isArray(event.target) ? (event.target as { alternateId?: unknown }[]) : [];
  return typeof target?.alternateId === 'string' ? target.alternateId : '';
}

function verificationIn(text: string): unknown {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === 'object' && answer !== null ? (answer as { verification?: unknown }).verification : null;
  } catch {
    return null;
  }
}
