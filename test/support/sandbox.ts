/** The sandbox in this process, on a database of its own, and the real AWS SDK pointed at it. */
import { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { createLogger, Database } from '#platform';
import { sandboxMigrations } from '../../apps/sandbox/src/migrations/0001-sandbox.js';
import { Sandbox, type SandboxOptions } from '../../apps/sandbox/src/sandbox.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { sandboxQuotas } from './quotas.js';

export interface RunningSandbox {
  readonly sandbox: Sandbox;
  readonly cognito: CognitoIdentityProviderClient;
  readonly secrets: SecretsManagerClient;
  readonly poolId: string;
  readonly testDatabase: TestDatabase;
  /** Stops the sandbox and starts it again on the same database. */
  restart(): Promise<RunningSandbox>;
  /** Stops the sandbox and keeps the database. */
  end(): Promise<void>;
  /** Stops the sandbox and drops the database. */
  stop(): Promise<void>;
}

export async function startSandbox(
  options: Partial<SandboxOptions> = {},
  testDatabase?: TestDatabase,
): Promise<RunningSandbox> {
  const place = testDatabase ?? (await createTestDatabase());
  const database = await Database.connect({
    url: place.url('sandbox'),
    schema: 'sandbox',
    migrations: sandboxMigrations,
  });
  await database.migrate();
  const sandbox = await Sandbox.start(database, createLogger('sandbox', 'silent'), {
    host: '127.0.0.1',
    cognitoPort: 0,
    secretsManagerPort: 0,
    oktaPort: 0,
    region: 'us-east-1',
    quotas: sandboxQuotas(100_000),
    customAttributes: ['role', 'tenant_id'],
    oktaPaceMs: 0,
    timeScale: 0.001,
    ...options,
  });
  const client = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' }, maxAttempts: 1 };
  const cognito = new CognitoIdentityProviderClient({ ...client, endpoint: sandbox.endpoints.cognito });
  const secrets = new SecretsManagerClient({ ...client, endpoint: sandbox.endpoints.secretsManager });
  const end = async (): Promise<void> => {
    cognito.destroy();
    secrets.destroy();
    await sandbox.stop();
    await database.close();
  };
  return {
    sandbox,
    cognito,
    secrets,
    poolId: sandbox.endpoints.pool.userPoolId,
    testDatabase: place,
    end,
    restart: async () => {
      await end();
      return startSandbox(options, place);
    },
    stop: async () => {
      await end();
      await place.drop();
    },
  };
}

/** A request to the control API of a stand-in. */
export async function control<T = Record<string, unknown>>(
  base: string,
  method: string,
  path: string,
  body?: object,
): Promise<T & { error?: string }> {
  const response = await fetch(
    `${base}/sandbox/${path}`,
    body === undefined
      ? { method }
      : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
  );
  return (await response.json()) as T & { error?: string };
}

/** The name and message of the exception, or `ok`. */
export const outcome = (
  work: Promise<unknown>,
): Promise<{ name: string; message: string; status?: number | undefined }> =>
  work.then(
    () => ({ name: 'ok', message: '' }),
    (error: Error & { $metadata?: { httpStatusCode?: number } }) => ({
      name: error.name,
      message: error.message,
      status: error.$metadata?.httpStatusCode,
    }),
  );
