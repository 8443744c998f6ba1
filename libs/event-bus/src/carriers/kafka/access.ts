/**
 * The access-control lists of a cluster. A user of the cluster publishes its own topics, reads those that it consumes, and uses
 * consumer groups that begin with its name. The brokers refuse everything else.
 */
import { topics, type Topic } from '#events';
import kafkajs, { type AclEntry, type AclOperationTypes, type AclResourceTypes } from 'kafkajs';
import type { FollowLogger } from '../../follower.js';
import type { KafkaAccess } from '../../settings.js';
import { connectKafka, type TopicDefaults } from './client.js';

// Node finds some of the names that this CommonJS package exports, and not these.
const {
  AclOperationTypes: Operation,
  AclPermissionTypes: Permission,
  AclResourceTypes: Resource,
  ResourcePatternTypes: Pattern,
} = kafkajs;

export interface KafkaUser {
  /** Name of the service or subscriber, and of its consumer group. The SASL user has this name behind the prefix. */
  readonly name: string;
  readonly publishes: readonly Topic[];
  readonly consumes: readonly Topic[];
}

/** Returns a sentence if one user could use the consumer groups of another, whose name begins with its own. */
export function conflictOf(users: readonly KafkaUser[]): string | undefined {
  for (const user of users) {
    const other = users.find((u) => u !== user && `${u.name}-`.startsWith(`${user.name}-`));
    if (other) return `${user.name} could use the consumer groups of ${other.name}; rename one of them`;
  }
  return undefined;
}

/** Returns what the brokers must allow. */
export function accessList(users: readonly KafkaUser[], prefix = ''): AclEntry[] {
  return users.flatMap(({ name, publishes, consumes }) => {
    const allow = (
      operation: AclOperationTypes,
      resourceType: AclResourceTypes,
      plain: string,
      resourcePatternType = Pattern.LITERAL,
    ): AclEntry => ({
      principal: `User:${prefix}${name}`,
      host: '*',
      operation,
      permissionType: Permission.ALLOW,
      resourceType,
      resourceName: prefix + plain,
      resourcePatternType,
    });
    // A service also reads what it has published, for the command line. Reading and writing include describing.
    const readable = topics.filter((topic) => consumes.includes(topic) || publishes.includes(topic));
    return [
      ...publishes.map((topic) => allow(Operation.WRITE, Resource.TOPIC, topic)),
      ...readable.map((topic) => allow(Operation.READ, Resource.TOPIC, topic)),
      allow(Operation.READ, Resource.GROUP, name),
      // Further groups of a service, those of followers, and those of readers, which delete them.
      allow(Operation.READ, Resource.GROUP, `${name}-`, Pattern.PREFIXED),
      allow(Operation.DELETE, Resource.GROUP, `${name}-`, Pattern.PREFIXED),
    ];
  });
}

/**
 * Creates the topics, and allows each user what it needs. It can be repeated. `access` belongs to an administrator of
 * the cluster. Returns false if the cluster has no authorizer: there everybody may do everything.
 */
export async function provisionKafka(
  access: KafkaAccess,
  users: readonly KafkaUser[],
  defaults: TopicDefaults,
  logger: FollowLogger,
): Promise<boolean> {
  const acl = accessList(users, access.topicPrefix);
  const connection = connectKafka(access, 'provision', logger, defaults);
  await connection.ensureTopics(topics);
  const admin = connection.kafka.admin();
  await admin.connect();
  try {
    await admin.createAcls({ acl });
    return true;
  } catch (error) {
    if ((error as { type?: string }).type === 'SECURITY_DISABLED') return false;
    throw error;
  } finally {
    await admin.disconnect();
  }
}

/** Returns true if the error may go away when the brokers have started. */
export const isKafkaOutage = (error: unknown): boolean =>
  ['KafkaJSNumberOfRetriesExceeded', 'KafkaJSConnectionError', 'KafkaJSBrokerNotFound'].includes((error as Error).name);
