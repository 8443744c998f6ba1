/** The sandbox Okta: runs verbs against the tenant's SCIM server and keeps the failed ones as tasks. */
import { z } from 'zod';
import { ControlError } from '../listener.js';
import { groupVerbs } from './group-verbs.js';
import { KeyedMutex } from './keyed-mutex.js';
import type { Mode } from './model.js';
import { peopleVerbs } from './people-verbs.js';
import { ProvisioningFailure, ScimSession, SilentStop } from './session.js';
import type { OktaStore, Task } from './store.js';
import { importAll, testConnection } from './users.js';
import { verb, type Verb } from './verb.js';
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
  /** Why nothing was sent, or what else is worth knowing. */
  readonly note: string | null;
  /** The failed provisioning task; a null `detail` is Okta's silent stop. */
  readonly task: Task | null;
  readonly exchanges: readonly Exchange[];
}

const nothing = z.object({});

const appVerbs: Record<string, Verb> = {
  'test-connection': verb(
    nothing,
    () => '',
    async ({ session }) => {
      await testConnection(session);
      return null;
    },
  ),
  import: verb(
    nothing,
    () => 'import',
    async ({ session, store, app }) => {
      const { users, groups, inactive } = await importAll(session);
      await store.saveImport(app.slug, 'user', users);
      await store.saveImport(app.slug, 'group', groups);
      return `${users.length} active users and ${groups.length} groups imported, ${inactive} inactive users read and left out`;
    },
  ),
};

const verbs: Readonly<Record<string, Verb>> = { ...peopleVerbs, ...groupVerbs, ...appVerbs };
export const verbNames = Object.keys(verbs);

export class Okta {
  private readonly mutex = new KeyedMutex();
  private readonly agents = createAgents();
  private readonly stopping = new AbortController();

  constructor(
    readonly store: OktaStore,
    private readonly options: OktaOptions,
  ) {}

  /** `mode` and `paceMs` override the app's and the sandbox's for this run. */
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
      const about = { verb: name, tenant: slug, mode: app.mode, subject };
      try {
        const note = await job.run({ app, store: this.store, session });
        return { ...about, ok: true, note, task: null, exchanges: session.exchanges };
      } catch (error) {
        if (!(error instanceof ProvisioningFailure) && !(error instanceof SilentStop)) throw error;
        const task = await this.store.addTask(slug, name, subject, error instanceof SilentStop ? null : error.message);
        return { ...about, ok: false, note: null, task, exchanges: session.exchanges };
      }
    });
  }

  stop(): void {
    this.stopping.abort();
    this.agents.http.destroy();
    this.agents.https.destroy();
  }
}
