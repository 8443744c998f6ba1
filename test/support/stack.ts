/**
 * A whole stack for one black-box spec: real processes from dist/, real Postgres, a folder and a database of its own.
 * The launcher runs inside the test's process; the services are children as under `npm start`.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import type { StackDescription } from '../../tools/local/folder.js';
import { DATABASE_USERS } from '../../tools/local/stack-parts.js';
import { Stack } from '../../tools/local/stack.js';
import { TEST_PASSWORD } from './database.js';
import { compiled, testPostgres } from './services.js';

export interface TestStackOptions {
  readonly carrier?: 'postgres' | 'kafka';
  /** For every service, e.g. `{ LOG_LEVEL: 'debug' }`. */
  readonly env?: NodeJS.ProcessEnv;
  /** For single services, e.g. `{ sandbox: { SANDBOX_COGNITO_QUOTAS: '{"UserCreation":5}' } }`. */
  readonly serviceEnv?: Readonly<Record<string, NodeJS.ProcessEnv>>;
  /** Pause of the sandbox Okta between two requests; 0 if left out. */
  readonly oktaPaceMs?: number;
  readonly blank?: boolean;
  /** Whether the example service runs too, where people land after sign-in. */
  readonly example?: boolean;
  /** Whether a service that dies is started again, as under `npm start`; true if left out. */
  readonly restart?: boolean;
  /** A Postgres of its own, which the test may kill, instead of a database on the Postgres of all tests. */
  readonly ownPostgres?: boolean;
}

export class TestStack {
  private constructor(
    private readonly stack: Stack,
    readonly folder: string,
    private readonly lines: Map<string, string[]>,
    private readonly cleanUp: () => Promise<void>,
  ) {}

  static async start(options: TestStackOptions = {}): Promise<TestStack> {
    await compiled();
    const folder = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-stack-'));
    fs.chmodSync(folder, 0o755);
    // Roles belong to the whole cluster, so every stack and every spec database on it uses the same passwords.
    const passwords = Object.fromEntries(DATABASE_USERS.map((service) => [service, TEST_PASSWORD]));
    fs.writeFileSync(path.join(folder, 'secrets.json'), JSON.stringify({ passwords }), { mode: 0o600 });
    const server = options.ownPostgres ? undefined : await testPostgres();
    const database = server === undefined ? undefined : await createDatabase(server);
    const lines = new Map<string, string[]>();
    const cleanUp = async (): Promise<void> => {
      if (server !== undefined && database !== undefined)
        await sql(server, `drop database if exists ${database.name} with (force)`);
      fs.rmSync(folder, { recursive: true, force: true });
    };
    try {
      const stack = await Stack.start({
        folder,
        blank: options.blank ?? false,
        example: options.example ?? false,
        restart: options.restart ?? true,
        env: {
          ...inherited(),
          PORT: '0',
          EVENT_CARRIER: options.carrier ?? 'postgres',
          LOG_LEVEL: 'warn',
          ...(database && { DATABASE_URL: database.url }),
          ...options.env,
        },
        serviceEnv: {
          ...options.serviceEnv,
          sandbox: { SANDBOX_OKTA_PACE: String(options.oktaPaceMs ?? 0), ...options.serviceEnv?.sandbox },
        },
        log: (service, line) => void lines.set(service, [...(lines.get(service) ?? []).slice(-500), line]),
      });
      return new TestStack(stack, folder, lines, cleanUp);
    } catch (error) {
      await cleanUp();
      throw error;
    }
  }

  /** The current content of `stack.json`. */
  get description(): StackDescription {
    return this.stack.description;
  }

  /** The tenant `default`. */
  get tenant(): StackDescription['tenants'][number] & { readonly scimToken: string } {
    const [tenant] = this.description.tenants;
    if (!tenant?.scimToken) throw new Error('the stack has no connected tenant');
    return { ...tenant, scimToken: tenant.scimToken };
  }

  /** The last lines that a service printed. */
  logOf(service: string): readonly string[] {
    return this.lines.get(service) ?? [];
  }

  /** SIGKILL is a crash, SIGSTOP a hang, SIGTERM an orderly end as in a rolling update. */
  kill(service: string, signal: NodeJS.Signals = 'SIGKILL'): void {
    this.stack.service(service).kill(signal);
  }

  /** Resolves when the service is healthy again, e.g. after `kill`. */
  ready(service: string, limitMs?: number): Promise<void> {
    return this.stack.service(service).ready(limitMs);
  }

  stopService(service: string): Promise<void> {
    return this.stack.service(service).stop();
  }

  /** Use it after `stopService`, or after a death with `restart: false`. */
  startService(service: string): Promise<void> {
    return this.stack.service(service).start();
  }

  async restartService(service: string): Promise<void> {
    await this.stopService(service);
    await this.startService(service);
  }

  /** Sends a request as Okta does, through the edge. */
  scim(method: string, target: string, body?: unknown): Promise<Response> {
    return fetch(`${this.tenant.scimBaseUrl}${target}`, {
      method,
      headers: {
        authorization: `Bearer ${this.tenant.scimToken}`,
        ...(body !== undefined && { 'content-type': 'application/scim+json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }

  /** Calls a verb of the sandbox Okta's administrator, e.g. `okta('assign', {...})`. */
  async okta(verb: string, body: unknown, query = ''): Promise<unknown> {
    const answer = await fetch(`${this.description.sandbox.okta}/sandbox/apps/default/${verb}${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`okta ${verb}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  /** Runs SQL as the superuser, who sees every schema. */
  async query<T extends object = Record<string, unknown>>(text: string, values: unknown[] = []): Promise<T[]> {
    return sql<T>(this.description.postgres, text, values);
  }

  async stop(): Promise<void> {
    await this.stack.stop();
    await this.cleanUp();
  }
}

/** The environment of the test without the variables that a developer has set for a stack of their own. */
function inherited(): NodeJS.ProcessEnv {
  const named = [
    'DATABASE_URL',
    'STACK_DIR',
    'COGNITO_ENDPOINT',
    'SECRETS_MANAGER_ENDPOINT',
    'OKTA_ENDPOINT',
    'OKTA_ISSUER_OVERRIDE',
    'NODE_OPTIONS',
    'NODE_ENV',
  ];
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !named.includes(name) && !name.startsWith('JEST_')),
  );
}

async function createDatabase(server: string): Promise<{ name: string; url: string }> {
  const name = `stack_${randomBytes(6).toString('hex')}`;
  await sql(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { name, url: url.href };
}

async function sql<T extends object>(url: string, text: string, values: unknown[] = []): Promise<T[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(text, values)).rows;
  } finally {
    await client.end();
  }
}
