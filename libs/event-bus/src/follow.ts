/**
 * Follows a topic from its beginning, for readers that keep a view in memory and own no database: no group, no
 * offsets, no inbox. Every process reads everything. Records come in order per key, at least once; whoever builds a
 * view gates by `sequence`. Meant for compacted topics, whose beginning holds the current state of every key.
 */
import type { Topic } from '#events';
import type { FollowHandler, FollowOptions, FollowSource, TopicFollower } from './follower.js';
import { followKafka } from './kafka/follow.js';
import { followPostgres } from './postgres/follow.js';

export type { FollowedRecord, FollowHandler, FollowOptions, FollowSource, TopicFollower } from './follower.js';
export { followerGrantsSql } from './postgres/follow.js';

/** Starts at once and never gives up: a carrier that is away is tried again every two seconds at most. */
export function followTopic(
  source: FollowSource,
  topic: Topic,
  handler: FollowHandler,
  options: FollowOptions,
): TopicFollower {
  return source.carrier === 'postgres'
    ? followPostgres(source.url, topic, handler, options)
    : followKafka(source.config, topic, handler, options);
}
