/**
 * Client for AWS Secrets Manager. Every failure becomes {@link SecretStoreUnavailable}, so that no caller takes a
 * failed read for a missing secret.
 */
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { outsideAws, CONFIG, optionalUrl, text, type ConfigOf, type ConfigShape } from '#platform';

export const secretSettings = {
  AWS_REGION: text({
    purpose: 'AWS region of Cognito and Secrets Manager.',
    example: 'eu-central-1',
    default: 'us-east-1',
  }),
  SECRETS_MANAGER_ENDPOINT: optionalUrl({
    purpose: 'Address of Secrets Manager, if it is not the public address of AWS: the sandbox, or a VPC endpoint.',
    example: 'http://localhost:4584',
    development: outsideAws,
  }),
} satisfies ConfigShape;

export type SecretStage = 'AWSCURRENT' | 'AWSPREVIOUS';

export class SecretStoreUnavailable extends Error {
  readonly retryable = true;

  constructor(secretName: string, cause: unknown) {
    const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    super(`Cannot access the secret ${secretName} in Secrets Manager (${reason})`, { cause });
    this.name = 'SecretStoreUnavailable';
  }
}

export interface SecretStoreOptions {
  readonly region: string;
  readonly endpoint?: string | undefined;
  /** If credentials are left out, the SDK finds them (environment, profile, container or instance role). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Time limit of one attempt in milliseconds; there are two attempts. */
  readonly timeoutMs?: number;
}

export class SecretStore {
  private readonly client: SecretsManagerClient;

  constructor(options: SecretStoreOptions) {
    const requestTimeout = options.timeoutMs ?? 2_000;
    this.client = new SecretsManagerClient({
      region: options.region,
      ...(options.endpoint && { endpoint: options.endpoint }),
      ...(options.credentials && { credentials: options.credentials }),
      maxAttempts: 2,
      requestHandler: { connectionTimeout: 1_000, requestTimeout, throwOnRequestTimeout: true },
    });
  }

  /** Returns the secret's value at a stage, or null if there is no such secret or no version at that stage. */
  async read(name: string, stage: SecretStage = 'AWSCURRENT'): Promise<string | null> {
    try {
      const answer = await this.client.send(new GetSecretValueCommand({ SecretId: name, VersionStage: stage }));
      if (answer.SecretString === undefined) throw new Error('the secret has no text value');
      return answer.SecretString;
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return null;
      throw new SecretStoreUnavailable(name, error);
    }
  }

  /** Creates a secret. Resolves with false, and changes nothing, if a secret with this name already exists. */
  async create(name: string, value: string): Promise<boolean> {
    try {
      await this.client.send(new CreateSecretCommand({ Name: name, SecretString: value }));
      return true;
    } catch (error) {
      if (error instanceof ResourceExistsException) return false;
      throw new SecretStoreUnavailable(name, error);
    }
  }

  /** Makes the value AWSCURRENT and the previous value AWSPREVIOUS. A repetition by the SDK adds no second version. */
  async put(name: string, value: string): Promise<void> {
    try {
      await this.client.send(new PutSecretValueCommand({ SecretId: name, SecretString: value }));
    } catch (error) {
      throw new SecretStoreUnavailable(name, error);
    }
  }

  /** Deletes the secret and all its versions, without a time in which it can be restored. It may be missing. */
  async delete(name: string): Promise<void> {
    try {
      await this.client.send(new DeleteSecretCommand({ SecretId: name, ForceDeleteWithoutRecovery: true }));
    } catch (error) {
      if (!(error instanceof ResourceNotFoundException)) throw new SecretStoreUnavailable(name, error);
    }
  }

  close(): void {
    this.client.destroy();
  }

  onModuleDestroy(): void {
    this.close();
  }
}

export const secretStore = {
  provide: SecretStore,
  inject: [CONFIG],
  useFactory: ({ AWS_REGION: region, SECRETS_MANAGER_ENDPOINT: endpoint }: ConfigOf<typeof secretSettings>) =>
    new SecretStore({ region, endpoint }),
};
