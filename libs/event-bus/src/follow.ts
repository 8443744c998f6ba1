/**
 * Follows a topic from its beginning, for readers that build a view in memory and have no database. There is no group,
 * no offset and no inbox, so every process reads the whole topic. Records arrive in order per key, at least once. A
 * view must therefore ignore a record whose `sequence` is not higher than the last one of its key. Use this for
 * compacted topics, which contain the current state of every key.
 */
import type { Topic } from '#events';
import type { FollowHandler, FollowOptions, FollowSource, TopicFollower } from './follower.js';
import { KafkaFollower } from './carriers/kafka/follow.js';
import { PostgresFollower } from './carriers/postgres/follow.js';

export type {
  FollowedRecord,
  FollowHandler,
  FollowLogger,
  FollowOptions,
  FollowSource,
  TopicFollower,
} from './follower.js';
export { followerGrantsSql } from './carriers/postgres/follow.js';

/**
 * Starts following a topic at once. While the carrier does not answer, the follower retries at least every two seconds,
 * without a limit.
 */
export function followTopic(
  source: FollowSource,
  topic: Topic,
  handler: FollowHandler,
  options: FollowOptions,
): TopicFollower {
  const follower =
    source.carrier === 'postgres'
      ? new PostgresFollower(source.url, topic, handler, options)
      : new KafkaFollower(source, topic, handler, options);
  return follower.start();
}
