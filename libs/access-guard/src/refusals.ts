/** Reports the first refused token after each fence, as evidence that the fence works. */
import type { Logger } from '#platform';
import type { AccessEntry } from './view.js';

export interface Refusal {
  readonly tenantId: string;
  readonly reason: 'account_inactive' | 'token_revoked';
  /** The fence, in milliseconds since the epoch. Null means that the account is inactive and has no fence. */
  readonly notBefore: number | null;
}

/** Receives the first refusal. `at` is the time of the refusal. The function must not block; its errors are logged. */
export type OnRefused = (accountId: string, at: Date, refusal: Refusal) => void | Promise<void>;

/** Number of reported accounts that are remembered. An account that was forgotten may be reported again. */
const REMEMBERED = 10_000;

export class FirstRefusals {
  private readonly reported = new Map<string, number | null>();

  constructor(
    private readonly onRefused: OnRefused,
    private readonly logger: Logger,
  ) {}

  note(accountId: string, at: Date, entry: AccessEntry, reason: Refusal['reason']): void {
    const { notBefore, tenantId } = entry;
    if (this.reported.has(accountId) && this.reported.get(accountId) === notBefore) return;
    this.reported.delete(accountId);
    this.reported.set(accountId, notBefore);
    if (this.reported.size > REMEMBERED) this.reported.delete(this.reported.keys().next().value ?? '');
    void this.report(accountId, at, { tenantId, reason, notBefore });
  }

  private async report(accountId: string, at: Date, refusal: Refusal): Promise<void> {
    try {
      await this.onRefused(accountId, at, refusal);
    } catch (error) {
      this.logger.warn(
        { err: error, code: 'refusal_not_reported', accountId },
        'Cannot report the first refusal after a fence. The evidence of the offboarding does not include it.',
      );
    }
  }
}
