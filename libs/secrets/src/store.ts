/**
 * AWS Secrets Manager, reduced to what this product needs. Whatever is not a plain answer becomes
 * {@link SecretStoreUnavailable}: a caller must never take "could not ask" for "does not exist".
 */
import {
  CreateSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { optionalUrl, text, type ConfigShape } from '#platform';

export const secretSettings = {
  AWS_REGION: text({
    purpose: 'AWS region of Cognito and Secrets Manager.',
    example: 'eu-central-1',
    default: 'us-east-1',
  }),
  SECRETS_MANAGER_ENDPOINT: optionalUrl({
    purpose: 'Another Secrets Manager than the one of AWS, e.g. the sandbox or a VPC endpoint.',
    example: 'http://localhost:4584',
  }),
} satisfies ConfigShape;

export type SecretStage = 'AWSCURRENT' | 'AWSPREVIOUS';

export class SecretStoreUnavailable extends Error {
  readonly retryable = true;

  constructor(secretName: string, cause: unknown) {
    const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    super(`the secret store gave no answer about ${secretName} (${reason})`, { cause });
    this.name = 'SecretStoreUnavailable';
  }
}

export interface SecretStoreOptions {
  readonly region: string;
  readonly endpoint?: string | undefined;
  /** Left out: the SDK's own chain (environment, profile, container or instance role). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Give up on one request after this many milliseconds; there are two attempts. */
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

  /** The secret's value at a stage; null = no such secret or no version at that stage. */
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

  /** False when a secret of that name exists already; then nothing was changed. */
  async create(name: string, value: string): Promise<boolean> {
    try {
      await this.client.send(new CreateSecretCommand({ Name: name, SecretString: value }));
      return true;
    } catch (error) {
      if (error instanceof ResourceExistsException) return false;
      throw new SecretStoreUnavailable(name, error);
    }
  }

  /** A new version becomes AWSCURRENT, the one before it AWSPREVIOUS. The SDK's retry repeats the same request token, so it is one version. */
  async put(name: string, value: string): Promise<void> {
    try {
      await this.client.send(new PutSecretValueCommand({ SecretId: name, SecretString: value }));
    } catch (error) {
      throw new SecretStoreUnavailable(name, error);
    }
  }

  close(): void {
    this.client.destroy();
  }

  /** Nest calls this where the store is a provider. */
  onModuleDestroy(): void {
    this.close();
  }
}
