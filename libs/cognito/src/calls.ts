/**
 * Makes calls to Cognito. Each call first takes a token of its quota category. A failed call rejects with a {@link
 * CognitoError}. The SDK never repeats a call; the caller must do so, and each repetition takes another token.
 */
import { CognitoIdentityProviderClient } from '@aws-sdk/client-cognito-identity-provider';
import { inSpan, SpanKind, type Metrics } from '#platform';
import { CognitoError } from './errors.js';
import type { QuotaGate } from './quota-gate.js';
import { CATEGORY_OF, type Operation, type SignOutCategory, type Urgency } from './quotas.js';

export interface CognitoClientOptions {
  readonly region: string;
  readonly endpoint?: string | undefined;
  /** Credentials of AWS. By default the SDK finds them (environment, IRSA, instance role). */
  readonly credentials?: { accessKeyId: string; secretAccessKey: string };
  readonly quota: QuotaGate;
  /** Category in which Cognito counts AdminUserGlobalSignOut. The default is UserUpdate. */
  readonly signOutCategory?: SignOutCategory;
  readonly metrics: Metrics;
  readonly connectionTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  readonly maxSockets?: number;
}

export class CognitoCalls {
  readonly client: CognitoIdentityProviderClient;
  private readonly quota: QuotaGate;
  private readonly categories;
  private readonly calls;

  constructor(options: CognitoClientOptions) {
    const agent = { keepAlive: true, maxSockets: options.maxSockets ?? 64 };
    this.client = new CognitoIdentityProviderClient({
      region: options.region,
      ...(options.endpoint && { endpoint: options.endpoint }),
      ...(options.credentials && { credentials: options.credentials }),
      maxAttempts: 1,
      requestHandler: {
        connectionTimeout: options.connectionTimeoutMs ?? 2_000,
        requestTimeout: options.requestTimeoutMs ?? 5_000,
        throwOnRequestTimeout: true,
        httpAgent: agent,
        httpsAgent: agent,
      },
    });
    this.quota = options.quota;
    const { AdminUserGlobalSignOut } = CATEGORY_OF;
    this.categories = { ...CATEGORY_OF, AdminUserGlobalSignOut: options.signOutCategory ?? AdminUserGlobalSignOut };
    this.calls = options.metrics.counter('cognito_calls_total', 'Calls to Cognito.', ['operation', 'outcome']);
  }

  async make<T>(
    operation: Operation,
    urgency: Urgency,
    send: (client: CognitoIdentityProviderClient) => Promise<T>,
  ): Promise<T> {
    const category = this.categories[operation];
    await this.quota.take(category, urgency);
    const attributes = { 'rpc.system': 'aws-api', 'rpc.service': 'CognitoIdentityProvider', 'rpc.method': operation };
    try {
      const answer = await inSpan(`cognito ${operation}`, { kind: SpanKind.CLIENT, attributes }, () =>
        send(this.client),
      );
      this.calls.inc({ operation, outcome: 'ok' });
      return answer;
    } catch (error) {
      const failure = CognitoError.from(operation, error);
      this.calls.inc({ operation, outcome: failure.errorClass });
      // Ignore a failure of `drain`, because the caller must receive the error of the Cognito call.
      if (failure.errorClass === 'throttled') await this.quota.drain(category).catch(() => undefined);
      throw failure;
    }
  }

  close(): void {
    this.client.destroy();
  }
}
