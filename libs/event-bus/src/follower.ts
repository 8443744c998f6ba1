/** Types and helpers that the followers of both carriers share; see follow.ts. */
import type { EventEnvelope } from '#events';
import type { Logger } from '#platform';
import type { Delivery } from './record.js';
import type { BusConfig } from './settings.js';

export interface FollowedRecord {
  /** `tenant:subject`; null if the record came without a key. */
  readonly key: string | null;
  /** Null for a tombstone (the key was deleted) and for a record that cannot be read. */
  readonly event: EventEnvelope | null;
  /** Why the record cannot be read. */
  readonly unreadable?: string;
}

/** Must not throw: a page that was not handled is read again and again, and the follower falls behind. */
export type FollowHandler = (records: readonly FollowedRecord[]) => void;

export type FollowSource =
  /** Needs only a role that may SELECT from `bus.event_log`; see `followerGrantsSql`. */
  { readonly carrier: 'postgres'; readonly url: string } | { readonly carrier: 'kafka'; readonly config: BusConfig };

export interface FollowOptions {
  /** Shown to the carrier as the name of this reader. */
  readonly name: string;
  readonly logger: Logger;
}

export interface TopicFollower {
  /**
   * The last moment (`performance.now()`) for which it is known that everything the carrier had was handled; undefined
   * before the first one. It advances even without events, because the carrier is polled, and stops while the carrier
   * is down. Events that are still in an outbox do not count.
   */
  completeAt(): number | undefined;
  /** Resolves once everything that the topic held at the start was handled. */
  readonly caughtUp: Promise<void>;
  close(): Promise<void>;
}

export const followed = ({ key, event, unreadable }: Delivery): FollowedRecord => ({
  key,
  event,
  ...(unreadable && { unreadable: unreadable.reason }),
});

/** `completeAt` and `caughtUp` of a follower. */
export class Completeness {
  at: number | undefined;
  readonly caughtUp: Promise<void>;
  private resolve!: () => void;

  constructor() {
    this.caughtUp = new Promise((resolve) => (this.resolve = resolve));
  }

  prove(at: number): void {
    this.at = at;
    this.resolve();
  }
}
