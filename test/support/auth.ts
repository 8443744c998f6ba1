/** The parts around auth-service for one spec: a database, the sandbox's Cognito and Secrets Manager, and publishers of events. */
import {
  CognitoIdentityProviderClient,
  DescribeUserPoolClientCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLogger, Database } from '#platform';
import { SecretStore, writeOidcSecret } from '#secrets';
import { TenantSettingsCache } from '#settings';
import { FileSigner } from '../../apps/auth-service/src/assertion/file-signer.js';
import { service } from '../../apps/auth-service/src/service.js';
import { sandboxSettings } from '../../apps/sandbox/src/config.js';
import { sandboxMigrations } from '../../apps/sandbox/src/migrations/0001-sandbox.js';
import { Sandbox } from '../../apps/sandbox/src/sandbox.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { startInProcess } from './in-process.js';
import { CLIENT_ID, CLIENT_SECRET } from './auth-provider.js';
import { People, type Person } from './auth-people.js';
import { ownQuotas, sandboxQuotas } from './quotas.js';
import { eventually } from './waiting.js';
import { credentialOf, INTERNAL_API_CALLERS } from './internal-api.js';

export const LOCAL = 'http://localhost:8080';
const REGION = 'us-east-1';
const HANDLED_LIMIT_MS = 60_000;

export interface Instance {
  readonly url: string;
  stop(): Promise<void>;
}

export class AuthRig {
  private readonly instances: (Instance & { readonly settings: TenantSettingsCache })[] = [];
  private readonly neighbours: Instance[] = [];

  private constructor(
    readonly test: TestDatabase,
    /** Superuser: sees every schema. */
    readonly admin: Database,
    readonly people: People,
    readonly secrets: SecretStore,
    private readonly sandbox: Sandbox,
    private readonly sandboxDatabase: Database,
    private readonly folder: string,
    /** The settings of every service here, as far as they apply. */
    readonly environment: Readonly<Record<string, string>>,
  ) {}

  static async start(issuerOverride: string): Promise<AuthRig> {
    const test = await createTestDatabase();
    const admin = await Database.connect({ url: test.adminUrl, schema: 'auth' });
    const folder = mkdtempSync(path.join(tmpdir(), 'stackflow-auth-'));
    const keyFile = writeKey(folder);
    const jwks = JSON.stringify({ keys: (await FileSigner.load([keyFile])).jwks() });
    const sandboxDatabase = await Database.connect({
      url: test.url('sandbox'),
      schema: 'sandbox',
      migrations: sandboxMigrations,
    });
    await sandboxDatabase.migrate();
    const sandbox = await startSandbox(sandboxDatabase, jwks);
    const { cognito, secretsManager, pool } = sandbox.endpoints;
    const client = new CognitoIdentityProviderClient({ region: REGION, endpoint: cognito });
    const described = await client.send(
      new DescribeUserPoolClientCommand({ UserPoolId: pool.userPoolId, ClientId: pool.clientId }),
    );
    const environment = {
      DATABASE_URL: test.url('auth-service'),
      INTERNAL_API_CALLERS,
      INTERNAL_API_CREDENTIAL: credentialOf('auth-service'),
      AWS_REGION: REGION,
      SECRETS_MANAGER_ENDPOINT: secretsManager,
      COGNITO_ENDPOINT: cognito,
      COGNITO_USER_POOL_ID: pool.userPoolId,
      COGNITO_CLIENT_ID: pool.clientId,
      COGNITO_CLIENT_SECRET: described.UserPoolClient?.ClientSecret ?? '',
      COGNITO_QUOTA_SHARE: '1',
      COGNITO_QUOTAS: JSON.stringify(ownQuotas(10_000)),
      ASSERTION_KEY_FILES: keyFile,
      SESSION_KEYS: randomBytes(32).toString('base64url'),
      PUBLIC_ORIGIN: LOCAL,
      OKTA_ISSUER_OVERRIDE: issuerOverride,
      // No worker listens there. Specs that need one start it.
      DEACTIVATION_WORKER_URL: 'http://127.0.0.1:9',
    };
    const secrets = new SecretStore({ region: REGION, endpoint: secretsManager });
    const people = await People.open(test, client, pool.userPoolId);
    return new AuthRig(test, admin, people, secrets, sandbox, sandboxDatabase, folder, environment);
  }

  /** Starts a replica of auth-service in this process. */
  async startService(change: Record<string, string> = {}): Promise<Instance> {
    const started = await startInProcess(service, { ...this.environment, ...change });
    const instance = {
      url: started.url,
      settings: started.app.get(TenantSettingsCache),
      stop: async () => {
        this.instances.splice(this.instances.indexOf(instance), 1);
        await started.stop();
      },
    };
    this.instances.push(instance);
    return instance;
  }

  /** A tenant with sign-in through Okta, known to the service. */
  async addTenant(slug: string, host: string | null, issuer = 'https://acme.okta.com'): Promise<string> {
    const id = randomUUID();
    await writeOidcSecret(this.secrets, id, CLIENT_SECRET);
    await this.people.publishSettings(id, slug, { host, sso: { issuer, clientId: CLIENT_ID } });
    await this.settingsKnown();
    return id;
  }

  /** A person with a Cognito user and events that have been handled. */
  async addPerson(tenant: string, change: Partial<Person> = {}): Promise<Person> {
    const person = await this.people.add(tenant, change);
    await this.handled();
    return person;
  }

  /**
   * Resolves when every replica uses the published settings. Only the replica that handled the event has them at once.
   * The others read them again within two seconds, or here.
   */
  async settingsKnown(): Promise<void> {
    await this.handled();
    for (const { settings } of this.instances) {
      await settings.refresh(); // perhaps a read that began before the event
      await settings.refresh();
    }
  }

  /** Resolves when every published event has been handled. */
  async handled(): Promise<void> {
    await eventually(async () => {
      const [row] = await this.admin.query<{ waiting: number }>(WAITING);
      if (row?.waiting !== 0) throw new Error(`${row?.waiting} events are not handled`);
    }, HANDLED_LIMIT_MS);
  }

  async audit(where = 'true', values: unknown[] = []): Promise<Record<string, unknown>[]> {
    return this.admin.query(
      `select event, code, tenant, account_id, session_id, detail from auth.audit where ${where} order by id`,
      values,
    );
  }

  fault(rule: object): Promise<unknown> {
    return this.control('POST', '/sandbox/faults', rule);
  }

  noFaults(): Promise<unknown> {
    return this.control('DELETE', '/sandbox/faults');
  }

  async cognitoCalls(operation: string): Promise<readonly { operation: string }[]> {
    const answer = (await this.control('GET', '/sandbox/calls?limit=50000')) as { calls: { operation: string }[] };
    return answer.calls.filter((call) => call.operation === operation);
  }

  private async control(method: string, path: string, body?: object): Promise<unknown> {
    const response = await fetch(`${this.sandbox.endpoints.cognito}${path}`, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    const text = await response.text();
    return text === '' ? null : (JSON.parse(text) as unknown);
  }

  /** Stops another service together with this rig, before the database is dropped. */
  stopAtClose(neighbour: Instance): void {
    this.neighbours.push(neighbour);
  }

  async close(): Promise<void> {
    for (const instance of [...this.instances, ...this.neighbours]) await instance.stop();
    await this.people.close();
    this.secrets.close();
    await this.sandbox.stop();
    await this.sandboxDatabase.close();
    await this.admin.close();
    await this.test.drop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/**
 * Counts events in outboxes, and keys whose newest event is not in the inbox. Leaves out directory.users, which auth-service
 * does not consume.
 */
const WAITING = `
  select (
    (select count(*) from identity.outbox) + (select count(*) from offboarding.outbox) + (select count(*) from hub.outbox) + (select count(*) from directory.outbox)
    + (select count(*) from (select topic, key, max(sequence) as sequence from bus.event_log where topic <> 'directory.users' group by 1, 2) e
       where not exists (select 1 from auth.inbox i where i.topic = e.topic
                         and i.key = e.key and i.sequence >= e.sequence)))::int as waiting`;

function writeKey(folder: string): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const file = path.join(folder, 'assertion.pem');
  writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return file;
}

const startSandbox = (database: Database, assertionJwks: string): Promise<Sandbox> =>
  Sandbox.start(database, createLogger('sandbox', 'silent'), {
    host: '127.0.0.1',
    cognitoPort: 0,
    secretsManagerPort: 0,
    oktaPort: 0,
    region: REGION,
    quotas: sandboxQuotas(1_000_000),
    customAttributes: sandboxSettings.SANDBOX_COGNITO_ATTRIBUTES.schema.parse(undefined),
    assertionJwks,
    oktaPaceMs: 0,
    timeScale: 0,
  });
