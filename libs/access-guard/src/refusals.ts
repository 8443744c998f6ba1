/** Reports, once per fence, that a genuine token was refused because of it: the evidence that the fence works. */
import type { Logger } from '#platform';
import type { AccessEntry } from './view.js';

export interface Refusal {
  readonly tenantId: string;
  readonly reason: 'account_inactive' | 'token_revoked';
  /** The fence, in milliseconds since the epoch; null if the account is inactive without one. */
  readonly notBefore: number | null;
}

/** `at`: when this service refused the token. Must not block. An error is logged. */
export type OnRefused = (accountId: string, at: Date, refusal: Refusal) => void | Promise<void>;

/** Accounts that are remembered as reported. Beyond it the oldest is forgotten, and may be reported again. */
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
        'the first refusal after a fence could not be reported; the evidence of the offboarding lacks it',
      );
    }
  }
}
