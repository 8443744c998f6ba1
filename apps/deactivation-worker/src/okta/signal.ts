/** What the core of the worker is told: Okta's word about one account, and since when it is known. */
import type { Tx } from '#platform';
import type { OktaState } from './okta-state.js';

export interface OktaSignal {
  readonly tenant: string;
  readonly who: { readonly accountId: string };
  /** Null = Okta has nothing against access. */
  readonly state: OktaState | null;
  readonly cause: string;
  readonly causationId: string;
  /** When what made us ask arrived here. */
  readonly pushedAt: Date;
  /** Okta's answer is not older than this; an older one never undoes a newer one. */
  readonly observedAt: Date;
}

export type Signal = (tx: Tx, signal: OktaSignal) => Promise<void>;
