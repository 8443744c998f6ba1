import { setTimeout as sleep } from 'node:timers/promises';
import type { EventEnvelope } from '#events';
import type { Delivery } from './record.js';
import { backoffMs } from './session.js';
import type { KafkaAccess } from './settings.js';

export interface FollowedRecord {
  /** `tenant:subject`, or null if the record has no key. */
  readonly key: string | null;
  /** Null for a tombstone (the key was deleted) and for a record that cannot be read. */
  readonly event: EventEnvelope | null;
  /** Why the record cannot be read. */
  readonly unreadable?: string;
}

/** Handles a page of records. It must not throw, because the same page would be read again without end. */
export type FollowHandler = (records: readonly FollowedRecord[]) => void;

export type FollowSource =
  /** The role in `url` needs only the right to SELECT from `bus.event_log`; see `followerGrantsSql`. */
  { readonly carrier: 'postgres'; readonly url: string } | KafkaAccess;

/** Takes pino, the logger of Fastify, or `console`. */
export interface FollowLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface FollowOptions {
  /** Name of this reader, by which an operator recognises its connections to the carrier. */
  readonly name: string;
  readonly logger: FollowLogger;
}

export interface TopicFollower {
  /**
   * Returns the last time (`performance.now()`) at which this reader had handled every record of the topic; undefined
   * if never. The time advances even without events, because the carrier is polled, but not while the carrier does not
   * answer. Events that are still in an outbox are not included.
   */
  completeAt(): number | undefined;
  close(): Promise<void>;
}

export const followed = ({ key, event, unreadable }: Delivery): FollowedRecord => ({
  key,
  event,
  ...(unreadable && { unreadable: unreadable.reason }),
});

/** Follows a topic until it is closed, and starts again after each failure. */
export abstract class Follower implements TopicFollower {
  protected readonly stop = new AbortController();
  private at: number | undefined;
  private running: Promise<void> | undefined;

  constructor(
    protected readonly topic: string,
    protected readonly handler: FollowHandler,
    protected readonly options: FollowOptions,
  ) {}

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

  /** Called when every record that was in the topic at the time `at` has been handled. */
  protected complete(at: number): void {
    this.at = at;
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
            'reading the topic was interrupted and is retried; its data may be out of date until then',
          );
      }
      await sleep(backoffMs(Math.max(1, failures), 50, 2_000), undefined, { signal }).catch(() => undefined);
    }
  }
}
