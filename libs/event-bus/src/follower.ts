/** The part of a follower that both carriers share; see follow.ts. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventEnvelope } from '#events';
import type { Logger } from '#platform';
import type { Delivery } from './record.js';
import { backoffMs } from './session.js';
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

/** The life of a follower: it follows the topic again after each failure, until it is closed. */
export abstract class Follower implements TopicFollower {
  readonly caughtUp: Promise<void>;
  protected readonly stop = new AbortController();
  private at: number | undefined;
  private resolveCaughtUp!: () => void;
  private running: Promise<void> | undefined;

  constructor(
    /** Name of the topic on the carrier. */
    protected readonly topic: string,
    protected readonly handler: FollowHandler,
    protected readonly options: FollowOptions,
  ) {
    this.caughtUp = new Promise((resolve) => (this.resolveCaughtUp = resolve));
  }

  start(): this {
    this.running ??= this.run();
    return this;
  }

  completeAt(): number | undefined {
    return this.at;
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  /** Everything that the carrier had at `at` was handled. */
  protected complete(at: number): void {
    this.at = at;
    this.resolveCaughtUp();
  }

  /** Follows until the follower is closed or fails; calls `reached` when the carrier answers. */
  protected abstract follow(reached: () => void): Promise<void>;

  private async run(): Promise<void> {
    const { signal } = this.stop;
    for (let failures = 0; !signal.aborted;) {
      try {
        await this.follow(() => (failures = 0));
      } catch (error) {
        if (!signal.aborted && ++failures === 1)
          this.options.logger.warn(
            { err: error, topic: this.topic, code: 'feed_interrupted' },
            'following the topic was interrupted; the view may be old until it continues',
          );
      }
      await sleep(backoffMs(Math.max(1, failures), 50, 2_000), undefined, { signal }).catch(() => undefined);
    }
  }
}
