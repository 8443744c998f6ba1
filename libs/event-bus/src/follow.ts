/**
 * Follows a topic from its beginning, for readers that keep a view in memory and own no database. There is no group, no
 * offset and no inbox: every process reads everything. Records come in order per key, at least once, so a view must
 * ignore a `sequence` that is not higher. Meant for compacted topics, which hold the current state of every key.
 */
import type { Topic } from '#events';
import type { FollowHandler, FollowOptions, FollowSource, TopicFollower } from './follower.js';
import { KafkaFollower } from './carriers/kafka/follow.js';
import { PostgresFollower } from './carriers/postgres/follow.js';

export type { FollowedRecord, FollowHandler, FollowOptions, FollowSource, TopicFollower } from './follower.js';
export { followerGrantsSql } from './carriers/postgres/follow.js';

/** Starts at once and never gives up. While the carrier is down, it retries every two seconds or sooner. */
export function followTopic(
  source: FollowSource,
  topic: Topic,
  handler: FollowHandler,
  options: FollowOptions,
): TopicFollower {
  const follower =
    source.carrier === 'postgres'
      ? new PostgresFollower(source.url, topic, handler, options)
      : new KafkaFollower(source.config, topic, handler, options);
  return follower.start();
}
