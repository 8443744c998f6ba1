/** The sandbox Okta runs verbs against the tenant's SCIM server and records failures as tasks. */
import { z } from 'zod';
import { ControlError } from '../listener.js';
import { groupVerbs } from './group-verbs.js';
import type { Delivery, EventHooks } from './hooks/event-hooks.js';
import { logEvent, type LogEvent } from './hooks/log-event.js';
import { KeyedMutex } from './keyed-mutex.js';
import type { Mode } from './model.js';
import { peopleVerbs } from './people-verbs.js';
import { ProvisioningFailure, ScimSession, SilentStop } from './session.js';
import type { OktaStore, Task } from './store.js';
import { importAll, testConnection } from './users.js';
import { verb, type Context, type Verb } from './verb.js';
import { createAgents, SOCKET_TIMEOUT_MS, type Exchange } from './wire.js';

export interface OktaOptions {
  readonly paceMs: number;
  readonly timeScale: number;
}

export interface VerbResult {
  readonly verb: string;
  readonly tenant: string;
  readonly mode: Mode;
  readonly subject: string;
  readonly ok: boolean;
  /** A remark, for example why Okta sent nothing. */
  readonly note: string | null;
  /** The provisioning task, if it failed. If its `detail` is null, Okta stopped without a message. */
  readonly task: Task | null;
  readonly exchanges: readonly Exchange[];
  /** Deliveries of the event hook, including copies. The state of a delayed delivery is still `waiting`. */
  readonly deliveries: readonly Delivery[];
}

const nothing = z.object({});

const appVerbs: Record<string, Verb> = {
  'test-connection': verb(nothing, async ({ session }) => {
    await testConnection(session);
    return null;
  }),
  import: verb(nothing, async ({ session }) => {
    const { users, groups, inactive } = await importAll(session);
    return `${users} active users and ${groups} groups imported, ${inactive} inactive users read and not imported`;
  }),
};

const verbs: Readonly<Record<string, Verb>> = { ...peopleVerbs, ...groupVerbs, ...appVerbs };
export const verbNames = Object.keys(verbs);

export class Okta {
  private readonly mutex = new KeyedMutex();
  private readonly agents = createAgents();
  private readonly stopping = new AbortController();

  constructor(
    readonly store: OktaStore,
    readonly hooks: EventHooks,
    private readonly options: OktaOptions,
  ) {}

  /** `mode` and `paceMs` override the settings of the app and of the sandbox for this run. */
  async run(
    slug: string,
    name: string,
    body: unknown,
    override: { mode?: Mode | undefined; paceMs?: number | undefined } = {},
  ): Promise<VerbResult> {
    const found = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
    if (!found) throw new ControlError(404, `there is no verb "${name}"; there are ${verbNames.join(', ')}`);
    const job = found.parse(body);
    const { subject } = job;
    const stored = await this.store.app(slug);
    const app = { ...stored, mode: override.mode ?? stored.mode };
    return this.mutex.run(`${slug}:${subject.toLowerCase()}`, async () => {
      const session = new ScimSession(app, {
        paceMs: override.paceMs ?? this.options.paceMs,
        timeScale: this.options.timeScale,
        timeoutMs: SOCKET_TIMEOUT_MS,
        agents: this.agents,
        signal: this.stopping.signal,
      });
      const events: LogEvent[] = [];
      const emit: Context['emit'] = (type, person) => void events.push(logEvent(type, person, app, new Date()));
      const outcome = await this.attempt(name, job, { app, store: this.store, session, emit });
      // The events are delivered even if the push failed, because the change in Okta itself has happened.
      const deliveries = await this.hooks.deliver(slug, events);
      const about = { verb: name, tenant: slug, mode: app.mode, subject };
      return { ...about, ...outcome, exchanges: session.exchanges, deliveries };
    });
  }

  private async attempt(
    name: string,
    job: ReturnType<Verb['parse']>,
    context: Context,
  ): Promise<Pick<VerbResult, 'ok' | 'note' | 'task'>> {
    try {
      return { ok: true, note: await job.run(context), task: null };
    } catch (error) {
      if (!(error instanceof ProvisioningFailure) && !(error instanceof SilentStop)) throw error;
      const detail = error instanceof SilentStop ? null : error.message;
      return { ok: false, note: null, task: await this.store.addTask(context.app.slug, name, job.subject, detail) };
    }
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.agents.http.destroy();
    this.agents.https.destroy();
    await this.hooks.stop();
  }
}
