/** The sandbox's Cognito in this process, with its control interface. */
import { createLogger, Database } from '#platform';
import { sandboxSettings } from '../../apps/sandbox/src/config.js';
import { sandboxMigrations } from '../../apps/sandbox/src/migrations/0001-sandbox.js';
import { Sandbox } from '../../apps/sandbox/src/sandbox.js';
import type { TestDatabase } from './database.js';
import { sandboxQuotas } from './quotas.js';

export interface PoolView {
  readonly username: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly groups: readonly string[];
  readonly enabled: boolean;
  readonly status: string;
}

interface Dumped {
  Username: string;
  Attributes: { Name: string; Value: string }[];
  Groups: string[];
  Enabled: boolean;
  UserStatus: string;
}

export interface Call {
  readonly at: number;
  readonly operation: string;
  readonly subject: string | null;
  readonly group: string | null;
  readonly outcome: string;
  /** The call was carried out, and its answer was lost. */
  readonly dropped: boolean;
}

export class Cognito {
  private constructor(
    private readonly database: Database,
    private readonly sandbox: Sandbox,
  ) {}

  static async start(test: TestDatabase): Promise<Cognito> {
    const database = await Database.connect({
      url: test.url('sandbox'),
      schema: 'sandbox',
      migrations: sandboxMigrations,
    });
    await database.migrate();
    const customAttributes = sandboxSettings.SANDBOX_COGNITO_ATTRIBUTES.schema.parse(undefined);
    const options = {
      host: '127.0.0.1',
      cognitoPort: 0,
      secretsManagerPort: 0,
      oktaPort: 0,
      region: 'us-east-1',
      quotas: sandboxQuotas(1_000_000),
      customAttributes,
      oktaPaceMs: 0,
      timeScale: 0,
    };
    return new Cognito(database, await Sandbox.start(database, createLogger('sandbox', 'silent'), options));
  }

  get url(): string {
    return this.sandbox.endpoints.cognito;
  }

  get poolId(): string {
    return this.sandbox.endpoints.pool.userPoolId;
  }

  async stop(): Promise<void> {
    await this.sandbox.stop();
    await this.database.close();
  }

  /** Changes the pool through Cognito's own API, as an administrator does in the AWS console. */
  async byHand(operation: string, input: object): Promise<void> {
    const stamp = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
    // The sandbox checks only the form of the signature.
    const authorization = `AWS4-HMAC-SHA256 Credential=test/${stamp.slice(0, 8)}/us-east-1/cognito-idp/aws4_request, SignedHeaders=host, Signature=${'0'.repeat(64)}`;
    const headers = {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `AWSCognitoIdentityProviderService.${operation}`,
      'x-amz-date': stamp,
      authorization,
    };
    const response = await fetch(this.url, {
      method: 'POST',
      headers,
      body: JSON.stringify({ UserPoolId: this.poolId, ...input }),
    });
    if (!response.ok) throw new Error(`${operation}: ${response.status} ${await response.text()}`);
  }

  async users(): Promise<Map<string, PoolView>> {
    const { users } = await this.control<{ users: Dumped[] }>('GET', '/sandbox/users?limit=100000');
    return new Map(users.map((u) => [u.Username, view(u)]));
  }

  async user(username: string): Promise<PoolView | undefined> {
    const { users } = await this.control<{ users: Dumped[] }>('GET', `/sandbox/users?username=${username}`);
    return users[0] && view(users[0]);
  }

  async fault(rule: Record<string, unknown>): Promise<void> {
    await this.control('POST', '/sandbox/faults', rule);
  }

  async noFaults(): Promise<void> {
    await this.control('DELETE', '/sandbox/faults');
  }

  async quotas(change: Record<string, number>): Promise<void> {
    await this.control('PUT', '/sandbox/quotas', change);
  }

  async calls(query = ''): Promise<Call[]> {
    return (await this.control<{ calls: Call[] }>('GET', `/sandbox/calls?limit=50000&${query}`)).calls;
  }

  async forgetCalls(): Promise<void> {
    await this.control('DELETE', '/sandbox/calls');
  }

  private async control<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }
}

const view = (user: Dumped): PoolView => ({
  username: user.Username,
  attributes: Object.fromEntries(user.Attributes.filter((a) => a.Name !== 'sub').map((a) => [a.Name, a.Value])),
  groups: [...user.Groups].sort(),
  enabled: user.Enabled,
  status: user.UserStatus,
});
