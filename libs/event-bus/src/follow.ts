/**
 * Reads a topic from its beginning and then continuously, into memory. Every process reads the whole topic, because
 * there is no group, no offset and no inbox. Records arrive in order per key, at least once, so a reader must ignore a
 * record whose `sequence` is not higher than the last one of its key. Use this for compacted topics, which contain the
 * current state of every key.
 */
import type { Topic } from '#events';
import type { FollowHandler, FollowOptions, FollowSource, TopicFollower } from './follower.js';
import { KafkaFollower } from './carriers/kafka/follow.js';
import { PostgresFollower } from './carriers/postgres/follow.js';

export type { FollowedRecord, FollowHandler, FollowOptions, FollowSource, TopicFollower } from './follower.js';
export { followerGrantsSql } from './carriers/postgres/follow.js';

/** Starts at once. While the carrier does not answer, it retries without a limit, at least every two seconds. */
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
