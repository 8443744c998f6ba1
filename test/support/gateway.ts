/**
 * Starts the real gateway in the process of the test: Nest on a free port, a database of its own, the sequencer, and the
 * real token verifier on a fake Secrets Manager. Tests insert tenants into its copy of the settings.
 */
import { Client } from 'pg';
import { randomUUID } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import { startTracing } from '#platform';
import { createScimToken, SecretStore } from '#secrets';
import { defaultSettings, TenantSettingsCache, type SettingsEvent } from '#settings';
import { service } from '../../apps/scim-gateway/src/service.js';
import { FakeSecretsManager } from '../tenants/secrets-manager.js';
import { createTestDatabase } from './database.js';
import type { HangingPostgres } from './hanging-postgres.js';
import { startInProcess, type InProcess } from './in-process.js';
import { INTERNAL_API_CALLERS } from './internal-api.js';

/** The parts of SCIM bodies that tests check. */
export interface ScimBody {
  readonly id: string;
  readonly schemas: readonly string[];
  readonly userName: string;
  readonly externalId?: string;
  readonly displayName: string;
  readonly active: boolean;
  readonly name?: { readonly givenName?: string; readonly familyName?: string };
  readonly emails?: readonly { readonly value: string }[];
  readonly groups: readonly { readonly value: string; readonly display: string; readonly $ref: string }[];
  readonly members: readonly { readonly value: string; readonly display: string; readonly $ref: string }[];
  readonly meta: { readonly location: string; readonly created: string; readonly lastModified: string };
  readonly totalResults: number;
  readonly itemsPerPage: number;
  readonly startIndex: number;
  readonly Resources: readonly ScimBody[];
  readonly status: string;
  readonly scimType?: string;
  readonly detail: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly body: ScimBody;
}

export interface StoredEvent {
  readonly type: string;
  readonly topic: string;
  readonly key: string;
  readonly subject: string;
  readonly sequence: number;
  readonly causationId: string;
  readonly traceparent: string | null;
  readonly data: {
    readonly user?: Record<string, unknown>;
    readonly group?: Record<string, unknown>;
    readonly changed?: readonly string[];
  } & Record<string, unknown>;
}

export interface RequestOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** `Bearer <token>` of the tenant by default; null = no Authorization header. */
  readonly authorization?: string | null;
  readonly base?: string;
}

export interface TestTenant {
  readonly id: string;
  readonly slug: string;
  readonly host: string;
  readonly token: string;
  send(method: string, path: string, body?: unknown, options?: RequestOptions): Promise<Reply>;
  /** The tenant's events so far, in the order in which consumers get them, without those on `directory.access`. */
  events(): Promise<StoredEvent[]>;
  /** The tenant's events on `directory.access` so far. */
  accessEvents(): Promise<StoredEvent[]>;
}

export interface TestGateway extends Omit<InProcess, 'stop'> {
  readonly port: number;
  readonly secrets: FakeSecretsManager;
  readonly store: SecretStore;
  createTenant(settings?: { readonly scimEnabled?: boolean; readonly slug?: string }): Promise<TestTenant>;
  /** Runs SQL as the owner of the database. */
  sql<T = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<T[]>;
  close(): Promise<void>;
}

export const BASE = '/prod/api/scim/v2';
const POOL_SIZE = 10;
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** Sends one request exactly as given; `fetch` would normalize the path. */
export function rawRequest(
  port: number,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: string | Buffer,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port,
        method,
        path,
        headers: { ...headers, ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }) },
        agent,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          try {
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text,
              body: (text === '' ? {} : JSON.parse(text)) as ScimBody,
            });
          } catch {
            reject(
              new Error(
                `${method} ${path} answered ${response.statusCode} with a body that is not JSON: ${text.slice(0, 200)}`,
              ),
            );
          }
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

export interface GatewayOptions {
  /** Consume `integration.settings` from the bus, as the service does; false by default. */
  readonly consume?: boolean;
  readonly poolSize?: number;
  /** The gateway reaches its database through this proxy. */
  readonly through?: HangingPostgres;
}

export async function startGateway(
  overrides: Readonly<Record<string, string>> = {},
  { consume = false, poolSize = POOL_SIZE, through }: GatewayOptions = {},
): Promise<TestGateway> {
  const stopTracing = await startTracing('scim-gateway', undefined);
  const testDatabase = await createTestDatabase();
  const secrets = new FakeSecretsManager();
  const endpoint = await secrets.start();
  const environment = {
    DATABASE_URL: (await through?.start(testDatabase.url('scim-gateway'))) ?? testDatabase.url('scim-gateway'),
    INTERNAL_API_CALLERS,
    SECRETS_MANAGER_ENDPOINT: endpoint,
    PUBLIC_ORIGIN: 'https://scim.example',
    SCIM_RATE_LIMIT_PER_SECOND: '100000',
    SCIM_RATE_LIMIT_BURST: '100000',
    SCIM_OPEN_REQUESTS_PER_TENANT: '100000',
    SCIM_BODY_MIB_PER_MINUTE: '100000',
    SCIM_MEMBERSHIP_CHANGES_PER_MINUTE: '100000000',
    ...overrides,
  };
  const definition = consume ? service : { ...service, strategies: () => [] };
  const running = await startInProcess(definition, environment, poolSize);
  const port = Number(new URL(running.url).port);
  const admin = new Client({ connectionString: testDatabase.adminUrl });
  await admin.connect();
  // One session, so that a test can hold a lock in it. It runs one statement at a time.
  let last: Promise<unknown> = Promise.resolve();
  const sql = <T>(text: string, values: readonly unknown[] = []): Promise<T[]> => {
    const result = last.then(async () => (await admin.query(text, [...values])).rows as T[]);
    last = result.catch(() => undefined);
    return result;
  };
  const store = new SecretStore({ region: 'us-east-1', endpoint });
  return {
    ...running,
    port,
    secrets,
    store,
    sql,
    createTenant: ({ scimEnabled = true, slug } = {}) =>
      createTenant({
        port,
        sql,
        store,
        scimEnabled,
        slug,
        accept: (event) => running.app.get(TenantSettingsCache).accept(event),
      }),
    close: async () => {
      await running.stop();
      await admin.end();
      store.close();
      await secrets.stop();
      await testDatabase.drop();
      await stopTracing();
    },
  };
}

interface Parts {
  readonly port: number;
  readonly sql: TestGateway['sql'];
  readonly store: SecretStore;
  readonly scimEnabled: boolean;
  readonly slug: string | undefined;
  /** Gives the settings to the gateway at once, as its event handler does after the commit. */
  readonly accept: (event: SettingsEvent) => void;
}

async function createTenant({ port, sql, store, scimEnabled, accept, slug: given }: Parts): Promise<TestTenant> {
  const id = randomUUID();
  const slug = given ?? `t-${id.slice(0, 8)}`;
  const host = `${slug}.stackflow.example`;
  const settings = { tenant: { id, slug, host }, ...defaultSettings(), scimEnabled, scimToken: null };
  await sql(
    'insert into directory.tenant_settings (tenant_id, slug, host, version, settings) values ($1, $2, $3, 1, $4)',
    [id, slug, host, JSON.stringify(settings)],
  );
  const { token } = await createScimToken(store, id);
  const send: TestTenant['send'] = (method, path, body, { headers, authorization, base = BASE } = {}) => {
    const auth = authorization === undefined ? `Bearer ${token}` : authorization;
    const all = {
      accept: 'application/scim+json',
      ...(body !== undefined && { 'content-type': 'application/scim+json; charset=utf-8' }),
      ...(auth !== null && { authorization: auth }),
      ...headers,
    };
    return rawRequest(
      port,
      method,
      base + path,
      all,
      body === undefined ? undefined : typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
    );
  };
  const eventsOn = async (access: boolean): Promise<StoredEvent[]> =>
    (await eventsOf(sql, id)).filter(({ topic }) => (topic === 'directory.access') === access);
  const tenant: TestTenant = {
    id,
    slug,
    host,
    token,
    send,
    events: () => eventsOn(false),
    accessEvents: () => eventsOn(true),
  };
  accept({ tenant: id, sequence: 1, data: settings });
  return tenant;
}

/** Reads both tables in one snapshot: the sequencer moves rows from one to the other in one transaction. */
async function eventsOf(sql: TestGateway['sql'], tenantId: string): Promise<StoredEvent[]> {
  const rows = await sql<Omit<StoredEvent, 'sequence'> & { sequence: string }>(
    `select type, topic, key, subject, sequence, causation_id as "causationId", traceparent, data from (
       select 0 as source, position as n, type, topic, key, subject, sequence, causation_id, traceparent, data from bus.event_log where tenant = $1
       union all
       select 1, id, type, topic, key, subject, sequence, causation_id, traceparent, data from directory.outbox where tenant = $1
     ) e order by source, n`,
    [tenantId],
  );
  return rows.map((row) => ({ ...row, sequence: Number(row.sequence) }));
}

/** `user.created`, `group.renamed`, ... */
export const shortType = (event: StoredEvent): string =>
  /^com\.stackflow\.directory\.(.+)\.v\d+$/.exec(event.type)?.[1] ?? event.type;

export const patchOp = (...Operations: unknown[]) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
  Operations,
});

/** Makes every session of the gateway report its statistics. An idle session may otherwise take ten seconds. */
export async function reportStatistics({ database }: TestGateway): Promise<void> {
  let all: (() => void) | undefined;
  let open = 0;
  const together = new Promise<void>((resolve) => (all = resolve));
  const sessions = Array.from({ length: POOL_SIZE }, () =>
    database.tx(async (tx) => {
      await tx.query('select pg_stat_force_next_flush()');
      if (++open === POOL_SIZE) all?.();
      await together; // so that each transaction has a session of its own
    }),
  );
  await Promise.all(sessions);
}
