import { OktaError } from '#okta';
import { SecretStoreUnavailable } from '#secrets';

/**
 * Pause after a fault that an administrator has to correct (token, rights, domain). A new connection ends the pause at
 * once.
 */
const REFUSED_SECONDS = 60;
const CAP_SECONDS = 60;

export function pauseSeconds(error: unknown, failures: number, chance: () => number = Math.random): number {
  if (error instanceof OktaError) {
    if (error.retryAfterMs !== null) return error.retryAfterMs / 1_000 + chance();
    if (!error.retryable) return REFUSED_SECONDS;
  }
  return Math.min(CAP_SECONDS, 2 ** Math.min(failures, 10)) * (0.5 + 0.5 * chance());
}

export function failureCode(error: unknown): string {
  if (error instanceof OktaError) return error.code;
  return error instanceof SecretStoreUnavailable ? 'secret_store_unavailable' : 'internal';
}

/** The message of an internal error appears only in the log, not in this text for administrators. */
export const failureText = (error: unknown): string =>
  error instanceof OktaError || error instanceof SecretStoreUnavailable
    ? error.message
    : 'Something failed on our side. The log of deactivation-worker has the details.';

/** How long this process sends no checks of a tenant to Okta. */
export class TenantPauses {
  private readonly pauses = new Map<string, { until: number; failures: number }>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  has(tenant: string): boolean {
    return this.now() < (this.pauses.get(tenant)?.until ?? -Infinity);
  }

  tenants(): string[] {
    return [...this.pauses.keys()].filter((tenant) => this.has(tenant));
  }

  /**
   * Begins a pause, unless the tenant is already paused, and returns the seconds until it ends. Checks that fail at the
   * same time thus count as one failure.
   */
  begin(tenant: string, error: unknown): number {
    const before = this.pauses.get(tenant);
    if (before && this.has(tenant)) return (before.until - this.now()) / 1_000;
    const failures = before?.failures ?? 0;
    const seconds = pauseSeconds(error, failures);
    this.pauses.set(tenant, { until: this.now() + seconds * 1_000, failures: failures + 1 });
    return seconds;
  }

  end(tenant: string): void {
    this.pauses.delete(tenant);
  }
}
